import type { WorkerList, WorkerRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchWorkers(signal?: AbortSignal): Promise<WorkerList> {
  return unwrap(sdk.listWorkers({ signal }))
}

export function drainWorker(id: number): Promise<WorkerRead> {
  return unwrap(sdk.drainWorker({ path: { worker_id: id } }))
}

export function resumeWorker(id: number): Promise<WorkerRead> {
  return unwrap(sdk.resumeWorker({ path: { worker_id: id } }))
}
