import type { CredentialRead, ServerRead } from '@/api'

import * as api from './api'

/** 今あるタグ。入力を助けるだけなので、取れなければ空でよい。 */
export async function fetchTags(): Promise<string[]> {
  return api.fetchTags().then((answer) => answer.tags, () => [])
}

/** 選べるサーバ。全部は並べず、打った文字で絞る。 */
export async function findServers(query: string): Promise<ServerRead[]> {
  return (await api.fetchServers({ q: query, tag: [], sort: 'name', cursor: null, limit: 100 })).items
}

export async function findCredentials(query: string): Promise<CredentialRead[]> {
  return (await api.searchCredentials(query)).items
}

export { approveHostKey, scanHostKey, testServer as runTest } from './api'
