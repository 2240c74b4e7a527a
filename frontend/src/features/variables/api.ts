import type {
  EnvironmentRead,
  NewVariableInputWritable,
  ProjectList,
  VariableInputWritable,
  VariableList,
  VariableRead,
  VariableScope,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

/** 変数の置き先。`id` は、プロジェクト・サーバ・ジョブの番号(全体なら省く)。 */
export interface Owner {
  scope: Exclude<VariableScope, 'execution'>
  id?: number
}

export function fetchVariables(owner: Owner, signal?: AbortSignal): Promise<VariableList> {
  return unwrap(sdk.listVariables({ query: { scope: owner.scope, owner_id: owner.id ?? null }, signal }))
}

export function createVariable(owner: Owner, body: VariableInputWritable): Promise<VariableRead> {
  const placed: NewVariableInputWritable = { ...body, scope: owner.scope, owner_id: owner.id ?? null }
  return unwrap(sdk.createVariable({ body: placed }))
}

/** `version` は読んだときの版。`null` なら、ほかの人の変更を確かめずに上書きする。 */
export function updateVariable(id: number, body: VariableInputWritable, version: number | null): Promise<VariableRead> {
  const headers = version === null ? {} : { 'if-match': `"${version}"` }
  return unwrap(sdk.updateVariable({ path: { variable_id: id }, body, headers }))
}

export async function deleteVariable(id: number): Promise<void> {
  await unwrap(sdk.deleteVariable({ path: { variable_id: id } }))
}

export function fetchEnvironment(jobId: number, serverId: number | null, signal?: AbortSignal): Promise<EnvironmentRead> {
  return unwrap(sdk.getJobEnvironment({ path: { job_id: jobId }, query: { server_id: serverId }, signal }))
}

/** 見えるプロジェクト。 */
export function fetchProjects(signal?: AbortSignal): Promise<ProjectList> {
  return unwrap(sdk.listProjects({ signal }))
}
