import type {
  ConnectionTestRead,
  CredentialPage,
  HostKeyScanRead,
  ResolvedServers,
  ResolveInput,
  ServerCreate,
  ServerInput,
  ServerPage,
  ServerRead,
  ServerRunsRead,
  TagList,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export interface ServerQuery {
  q: string
  tag: string[]
  sort: 'name' | 'run_files'
  project_id: number | null
  cursor: string | null
  limit: number
}

export function fetchServers(query: ServerQuery, signal?: AbortSignal): Promise<ServerPage> {
  return unwrap(sdk.listServers({ query, signal }))
}

/** 名指しと札の式に、今当てはまるサーバ。 */
export function resolveServers(body: ResolveInput, signal?: AbortSignal): Promise<ResolvedServers> {
  return unwrap(sdk.resolveServers({ body, signal }))
}

export function fetchTags(projectId: number | null): Promise<TagList> {
  return unwrap(sdk.listTags({ query: { project_id: projectId } }))
}

export function fetchServer(id: number, signal?: AbortSignal): Promise<ServerRead> {
  return unwrap(sdk.getServer({ path: { server_id: id }, signal }))
}

export function createServer(body: ServerCreate): Promise<ServerRead> {
  return unwrap(sdk.createServer({ body }))
}

/** `version` は読んだときの版。`null` なら、ほかの人の変更を確かめずに上書きする。 */
export function updateServer(id: number, body: ServerInput, version: number | null): Promise<ServerRead> {
  const headers = version === null ? {} : { 'if-match': `"${version}"` }
  return unwrap(sdk.updateServer({ path: { server_id: id }, body, headers }))
}

export async function deleteServer(id: number): Promise<void> {
  await unwrap(sdk.deleteServer({ path: { server_id: id } }))
}

export function scanHostKey(id: number): Promise<HostKeyScanRead> {
  return unwrap(sdk.scanHostKey({ path: { server_id: id } }))
}

export function approveHostKey(id: number, fingerprint: string): Promise<ServerRead> {
  return unwrap(sdk.approveHostKey({ path: { server_id: id }, body: { fingerprint } }))
}

export function testServer(id: number): Promise<ConnectionTestRead> {
  return unwrap(sdk.testServer({ path: { server_id: id } }))
}

export function searchCredentials(q: string, projectId: number): Promise<CredentialPage> {
  return unwrap(sdk.listCredentials({ query: { q, project_id: projectId, limit: 100 } }))
}

/** 今サーバにある走りを、SSH で見に行く。 */
export function fetchServerRuns(id: number, signal?: AbortSignal): Promise<ServerRunsRead> {
  return unwrap(sdk.listServerRuns({ path: { server_id: id }, signal }))
}

/** `stop` なら、まだ走っていれば木ごと止めてから消す。 */
export async function deleteServerRun(id: number, runId: string, stop: boolean): Promise<void> {
  await unwrap(sdk.deleteServerRun({ path: { server_id: id, run_id: runId }, query: { stop } }))
}
