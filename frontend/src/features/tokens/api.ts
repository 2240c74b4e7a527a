import type { ProjectTokenInput, TokenInput, TokenList, TokenMade, TokenPresets } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchPresets(signal?: AbortSignal): Promise<TokenPresets> {
  return unwrap(sdk.getTokenPresets({ signal }))
}

/** `projectId` を省けば、自分のトークン。 */
export function fetchTokens(projectId: number | undefined, signal?: AbortSignal): Promise<TokenList> {
  if (projectId === undefined) return unwrap(sdk.listMyTokens({ signal }))
  return unwrap(sdk.listProjectTokens({ path: { project_id: projectId }, signal }))
}

export function createMyToken(body: TokenInput): Promise<TokenMade> {
  return unwrap(sdk.createMyToken({ body }))
}

export function createProjectToken(projectId: number, body: ProjectTokenInput): Promise<TokenMade> {
  return unwrap(sdk.createProjectToken({ path: { project_id: projectId }, body }))
}

export async function deleteToken(projectId: number | undefined, id: number): Promise<void> {
  if (projectId === undefined) await unwrap(sdk.deleteMyToken({ path: { token_id: id } }))
  else await unwrap(sdk.deleteProjectToken({ path: { project_id: projectId, project_token_id: id } }))
}
