import type { PolicyInput, PolicyList, PreviewRead, Scope, StorageRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

/** どこの決まりか。全体なら `id` は `null`。 */
export interface PolicyPlace {
  scope: Scope
  id: number | null
}

export function fetchStorage(signal?: AbortSignal): Promise<StorageRead> {
  return unwrap(sdk.getStorage({ signal }))
}

export function fetchPolicies(signal?: AbortSignal): Promise<PolicyList> {
  return unwrap(sdk.listRetentionPolicies({ signal }))
}

/** `policy` が `null` なら、その場所の決まりを外したとき。 */
export function previewPolicy(place: PolicyPlace, policy: PolicyInput | null, signal?: AbortSignal): Promise<PreviewRead> {
  return unwrap(sdk.previewRetention({ body: { ...place, policy }, signal }))
}

export function savePolicy({ scope, id }: PolicyPlace, body: PolicyInput): Promise<PolicyList> {
  if (scope === 'job' && id !== null) return unwrap(sdk.setJobRetention({ path: { job_id: id }, body }))
  if (scope === 'project' && id !== null) return unwrap(sdk.setProjectRetention({ path: { project_id: id }, body }))
  return unwrap(sdk.setGlobalRetention({ body }))
}

export function removePolicy({ scope, id }: PolicyPlace): Promise<PolicyList> {
  return scope === 'job'
    ? unwrap(sdk.removeJobRetention({ path: { job_id: id ?? 0 } }))
    : unwrap(sdk.removeProjectRetention({ path: { project_id: id ?? 0 } }))
}
