import type { DashboardRead, ExecutionSummary, JobRead } from '@/api'
import { isFinished } from '@/shared/lib/states'

const MAX_FAILED = 10
const MAX_QUICK = 6
const FAILED: ReadonlySet<string> = new Set(['failed', 'partially_failed', 'timed_out', 'lost'])

/** 流れてきた行で、「いま動いている」と「最近の失敗」を動かす。合計と図は次の読み直しで合う。 */
export function applyRows(dashboard: DashboardRead, rows: readonly ExecutionSummary[]): DashboardRead {
  const running = new Map(dashboard.running.map((row) => [row.id, row]))
  const failed = new Map(dashboard.failed.map((row) => [row.id, row]))
  for (const row of rows) {
    if (isFinished(row.state)) running.delete(row.id)
    else running.set(row.id, row)
    if (FAILED.has(row.state)) failed.set(row.id, row)
  }
  const newestFirst = (held: Map<number, ExecutionSummary>): ExecutionSummary[] => [...held.values()].sort((a, b) => b.id - a.id)
  return { ...dashboard, running: newestFirst(running), failed: newestFirst(failed).slice(0, MAX_FAILED) }
}

/** 最近動かした順。一度も動かしていないジョブは、その後ろに名前の順で。無効なものは出さない。 */
export function recentJobs(jobs: readonly JobRead[]): JobRead[] {
  return jobs
    .filter((job) => job.enabled)
    .sort((a, b) => (b.last_execution?.id ?? 0) - (a.last_execution?.id ?? 0) || a.name.localeCompare(b.name))
    .slice(0, MAX_QUICK)
}
