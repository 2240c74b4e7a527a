import type { HourRead } from '@/api'

/** 図の色分け。下から積む順。 */
export const BAR_GROUPS = ['succeeded', 'failed', 'cancelled', 'active'] as const
export type BarGroup = (typeof BAR_GROUPS)[number]

const GROUP_OF: Record<string, BarGroup> = {
  succeeded: 'succeeded',
  failed: 'failed',
  partially_failed: 'failed',
  timed_out: 'failed',
  lost: 'failed',
  cancelled: 'cancelled',
  queued: 'active',
  running: 'active',
}

export interface HourBar {
  /** その一時間の始まり(ミリ秒)。 */
  start: number
  counts: Record<BarGroup, number>
  total: number
}

const HOUR_MS = 3_600_000
const HOURS = 24

function emptyCounts(): Record<BarGroup, number> {
  return { succeeded: 0, failed: 0, cancelled: 0, active: 0 }
}

export function groupCounts(counts: Readonly<Record<string, number>>): Record<BarGroup, number> {
  const grouped = emptyCounts()
  for (const [state, count] of Object.entries(counts)) {
    const group = GROUP_OF[state]
    if (group !== undefined) grouped[group] += count
  }
  return grouped
}

/** 今の一時間までの二十四本。実行のない時間も空の一本として並べる。 */
export function hourBars(hours: readonly HourRead[], now: number): HourBar[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS
  const bars = Array.from({ length: HOURS }, (_, index): HourBar => {
    return { start: last - (HOURS - 1 - index) * HOUR_MS, counts: emptyCounts(), total: 0 }
  })
  const byStart = new Map(bars.map((bar) => [bar.start, bar]))
  for (const hour of hours) {
    const bar = byStart.get(Math.floor(Date.parse(hour.hour) / HOUR_MS) * HOUR_MS)
    if (bar === undefined) continue
    for (const [group, count] of Object.entries(groupCounts(hour.counts)) as [BarGroup, number][]) {
      bar.counts[group] += count
      bar.total += count
    }
  }
  return bars
}

/** 目盛りの上端。1・2・5 の倍数へ切り上げ、線が半端な数にならないようにする。 */
export function niceMax(value: number): number {
  if (value <= 4) return 4
  const magnitude = 10 ** Math.floor(Math.log10(value))
  const step = [1, 2, 5, 10].find((factor) => factor * magnitude >= value) ?? 10
  return step * magnitude
}

export function sumBars(bars: readonly HourBar[]): Record<BarGroup, number> & { total: number } {
  const sum = { ...emptyCounts(), total: 0 }
  for (const bar of bars) {
    for (const group of BAR_GROUPS) sum[group] += bar.counts[group]
    sum.total += bar.total
  }
  return sum
}
