import type { CommandInput, ExecutionPage, ExecutionRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

/** `key` は一度の操作に一つ。送り直しても、命令が二度動かない。 */
export function runCommand(body: CommandInput, key: string): Promise<ExecutionRead> {
  return unwrap(sdk.runCommand({ body, headers: { 'idempotency-key': key } }))
}

/** 自分が動かした命令の、新しいものから。 */
export function fetchOwnCommands(userId: number, signal?: AbortSignal): Promise<ExecutionPage> {
  return unwrap(sdk.listExecutions({ query: { kind: 'ad_hoc', requested_by: userId, limit: 15 }, signal }))
}

export function fetchCommand(executionId: number): Promise<ExecutionRead> {
  return unwrap(sdk.getExecution({ path: { execution_id: executionId } }))
}
