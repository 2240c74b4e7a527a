import type { ShallowRef } from 'vue'

import type { ExecutionSummary, JobRead } from '@/api'
import { useExecutionsStream } from '@/shared/composables/useStream'

/** 流れてきた実行を、ジョブの「最後の実行」に写す。前の実行の遅れた知らせでは戻さない。 */
export function withLastExecutions(jobs: readonly JobRead[], rows: readonly ExecutionSummary[]): JobRead[] {
  const latest = new Map<number, ExecutionSummary>()
  for (const row of rows) {
    if (row.job_id !== null && row.id >= (latest.get(row.job_id)?.id ?? 0)) latest.set(row.job_id, row)
  }
  return jobs.map((job) => {
    const row = latest.get(job.id)
    if (row === undefined || row.id < (job.last_execution?.id ?? 0)) return job
    const { id, state, created_at, finished_at } = row
    return { ...job, last_execution: { id, state, created_at, finished_at } }
  })
}

export function useLastExecutions(jobs: ShallowRef<JobRead[]>, onResync: () => void): void {
  useExecutionsStream((rows) => {
    jobs.value = withLastExecutions(jobs.value, rows)
  }, onResync)
}
