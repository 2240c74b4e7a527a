import type {
  ExecutionPage,
  ExecutionRead,
  ExecutionVariablesRead,
  GivenVariableInputWritable,
  JobPage,
  ServerPage,
  StartInputWritable,
  TargetRead,
  UserOptions,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'
import type { ExecutionFilters } from './composables/executionFilters'

export interface PageOf {
  projectId?: number | null
  cursor: string | null
  limit: number
}

export function fetchExecutions(filters: ExecutionFilters, page: PageOf, signal?: AbortSignal): Promise<ExecutionPage> {
  const query = {
    project_id: page.projectId ?? null,
    state: filters.states.length > 0 ? filters.states : null,
    kind: filters.kind,
    job_id: filters.jobId,
    server_id: filters.serverId,
    requested_by: filters.userId,
    created_from: filters.from,
    created_to: filters.to,
    cursor: page.cursor,
    limit: page.limit,
  }
  return unwrap(sdk.listExecutions({ query, signal }))
}

export function fetchExecution(id: number, signal?: AbortSignal): Promise<ExecutionRead> {
  return unwrap(sdk.getExecution({ path: { execution_id: id }, signal }))
}

export function cancelExecution(id: number): Promise<ExecutionRead> {
  return unwrap(sdk.cancelExecution({ path: { execution_id: id } }))
}

export function rerunExecution(id: number, variables: GivenVariableInputWritable[] = []): Promise<ExecutionRead> {
  return unwrap(sdk.rerunExecution({ path: { execution_id: id }, body: { variables } }))
}

/** 成功しなかった対象だけを、同じ実行の中で。 */
export function rerunFailed(id: number, variables: GivenVariableInputWritable[] = []): Promise<ExecutionRead> {
  return unwrap(sdk.rerunFailedTargets({ path: { execution_id: id }, body: { variables } }))
}

export function pauseExecution(id: number): Promise<ExecutionRead> {
  return unwrap(sdk.pauseExecution({ path: { execution_id: id } }))
}

export function continueExecution(id: number): Promise<ExecutionRead> {
  return unwrap(sdk.continueExecution({ path: { execution_id: id } }))
}

export function pinExecution(id: number): Promise<ExecutionRead> {
  return unwrap(sdk.pinExecution({ path: { execution_id: id } }))
}

export function unpinExecution(id: number): Promise<ExecutionRead> {
  return unwrap(sdk.unpinExecution({ path: { execution_id: id } }))
}

/** 渡した変数と、使った秘密の名前と版。 */
export function fetchExecutionVariables(id: number, signal?: AbortSignal): Promise<ExecutionVariablesRead> {
  return unwrap(sdk.getExecutionVariables({ path: { execution_id: id }, signal }))
}

export function fetchTarget(id: number, signal?: AbortSignal): Promise<TargetRead> {
  return unwrap(sdk.getTarget({ path: { target_id: id }, signal }))
}

/** `key` は一度の操作に一つ。送り直しても、実行が二つ始まらない。 */
export function startExecution(jobId: number, key: string, body: StartInputWritable = {}): Promise<ExecutionRead> {
  return unwrap(sdk.startExecution({ path: { job_id: jobId }, body, headers: { 'idempotency-key': key } }))
}

/** 絞り込みの選択肢。名前で探せるように、一度に多めに取る。 */
export function searchJobs(q: string): Promise<JobPage> {
  return unwrap(sdk.listJobs({ query: { q, limit: 50 } }))
}

export function searchServers(q: string): Promise<ServerPage> {
  return unwrap(sdk.listServers({ query: { q, limit: 50 } }))
}

export function fetchUsers(): Promise<UserOptions> {
  return unwrap(sdk.listUsers())
}

export function fetchJobName(id: number): Promise<{ id: number; name: string }> {
  return unwrap(sdk.getJob({ path: { job_id: id } }))
}

export function fetchServerName(id: number): Promise<{ id: number; name: string }> {
  return unwrap(sdk.getServer({ path: { server_id: id } }))
}
