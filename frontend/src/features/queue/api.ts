import type { ExecutionRead, LimitsInput, LimitsRead, QueueRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchQueue(projectId: number | null, signal?: AbortSignal): Promise<QueueRead> {
  return unwrap(sdk.getQueue({ query: { project_id: projectId }, signal }))
}

export function fetchLimits(signal?: AbortSignal): Promise<LimitsRead> {
  return unwrap(sdk.getLimits({ signal }))
}

export function setLimits(body: LimitsInput): Promise<LimitsRead> {
  return unwrap(sdk.setLimits({ body }))
}

export function setPriority(executionId: number, priority: number): Promise<ExecutionRead> {
  return unwrap(sdk.setQueuePriority({ path: { execution_id: executionId }, body: { priority } }))
}
