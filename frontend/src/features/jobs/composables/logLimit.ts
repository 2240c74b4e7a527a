export const SIZE_UNITS = ['MiB', 'GiB', 'TiB'] as const
export type SizeUnit = (typeof SIZE_UNITS)[number]

const BYTES: Record<SizeUnit, number> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** API の下限・上限と、新しいジョブの既定。 */
export const MIN_LOG_BYTES = BYTES.MiB
export const MAX_LOG_BYTES = BYTES.TiB
export const DEFAULT_LOG_BYTES = BYTES.GiB

export interface LogLimit {
  /** 入力欄の文字そのもの。空なら上限なし。 */
  amount: string
  unit: SizeUnit
}

/** 割り切れるいちばん大きい単位で見せる。どれでも割り切れなければ、MiB の小数で。 */
export function limitFromBytes(bytes: number | null): LogLimit {
  if (bytes === null) return { amount: '', unit: 'GiB' }
  const unit = [...SIZE_UNITS].reverse().find((candidate) => bytes % BYTES[candidate] === 0) ?? 'MiB'
  return { amount: String(bytes / BYTES[unit]), unit }
}

export function bytesFromLimit(limit: LogLimit): number | null {
  return limit.amount.trim() === '' ? null : Math.round(Number(limit.amount) * BYTES[limit.unit])
}

/** 誤りの名前。訳は `jobs.rule.<名前>`。 */
export function limitProblem(limit: LogLimit): 'logLimit' | 'logLimitMin' | 'logLimitMax' | null {
  if (limit.amount.trim() === '') return null
  if (!/^\d+(\.\d+)?$/.test(limit.amount.trim())) return 'logLimit'
  const bytes = bytesFromLimit(limit) ?? 0
  if (bytes < MIN_LOG_BYTES) return 'logLimitMin'
  return bytes > MAX_LOG_BYTES ? 'logLimitMax' : null
}
