import type { SampleRead } from '@/api'

/** 図の一本。測らなかった日は `null`。 */
export interface GrowthDay {
  day: string
  sample: SampleRead | null
}

const DAY_MS = 24 * 3_600_000
const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** 終わりの日までの `count` 日を、抜けた日も含めて並べる。日付は UTC で数える。 */
export function growthDays(samples: readonly SampleRead[], count = 30, today = Date.now()): GrowthDay[] {
  const byDay = new Map(samples.map((sample) => [sample.day, sample]))
  return Array.from({ length: count }, (_, index) => {
    const day = isoDay(today - (count - 1 - index) * DAY_MS)
    return { day, sample: byDay.get(day) ?? null }
  })
}

export const totalOf = (sample: SampleRead): number => sample.table_bytes + sample.archive_bytes

/** 一日あたりの伸び(減っていれば負)。二日分なければ分からない。 */
export function growthPerDay(samples: readonly SampleRead[]): number | null {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined || first === last) return null
  const days = (Date.parse(last.day) - Date.parse(first.day)) / DAY_MS
  return (totalOf(last) - totalOf(first)) / days
}
