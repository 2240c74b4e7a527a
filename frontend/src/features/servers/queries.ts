import type { CredentialRead, ServerRead } from '@/api'

import * as api from './api'

/** 今あるタグ。入力を助けるだけなので、取れなければ空でよい。 */
export async function fetchTags(projectId: number | null): Promise<string[]> {
  return api.fetchTags(projectId).then((answer) => answer.tags, () => [])
}

/** そのプロジェクトの、選べるサーバ。全部は並べず、打った文字で絞る。 */
export async function findServers(query: string, projectId: number): Promise<ServerRead[]> {
  return (await api.fetchServers({ q: query, tag: [], sort: 'name', project_id: projectId, cursor: null, limit: 100 })).items
}

export async function findCredentials(projectId: number): Promise<CredentialRead[]> {
  return (await api.searchCredentials('', projectId)).items
}

export { approveHostKey, scanHostKey, testServer as runTest } from './api'
