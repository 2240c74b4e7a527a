import type { CredentialCreateWritable, CredentialInputWritable, CredentialPage, CredentialRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export interface CredentialQuery {
  q: string
  project_id: number | null
  cursor: string | null
  limit: number
}

export function fetchCredentials(query: CredentialQuery, signal?: AbortSignal): Promise<CredentialPage> {
  return unwrap(sdk.listCredentials({ query, signal }))
}

export function createCredential(body: CredentialCreateWritable): Promise<CredentialRead> {
  return unwrap(sdk.createCredential({ body }))
}

/** `version` は読んだときの版。`null` なら、ほかの人の変更を確かめずに上書きする。 */
export function updateCredential(
  id: number,
  body: CredentialInputWritable,
  version: number | null,
): Promise<CredentialRead> {
  const headers = version === null ? {} : { 'if-match': `"${version}"` }
  return unwrap(sdk.updateCredential({ path: { credential_id: id }, body, headers }))
}

export function generateCredential(name: string, projectId: number): Promise<CredentialRead> {
  return unwrap(sdk.generateCredential({ body: { name, project_id: projectId } }))
}

export async function deleteCredential(id: number): Promise<void> {
  await unwrap(sdk.deleteCredential({ path: { credential_id: id } }))
}
