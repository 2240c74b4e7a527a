export const TIMEOUT_UNITS = ['seconds', 'minutes', 'hours', 'days'] as const
export type TimeoutUnit = (typeof TIMEOUT_UNITS)[number]

const SECONDS: Record<TimeoutUnit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 }

/** API の上限(365 日)。 */
export const MAX_TIMEOUT_S = 31_536_000

/** 連絡なしで続ける長さの、API の下限。 */
export const MIN_SILENCE_S = 60

export interface Timeout {
  /** 入力欄の文字そのもの。空なら上限なし。 */
  amount: string
  unit: TimeoutUnit
}

/** 割り切れるいちばん大きい単位で見せる(5400 秒は 90 分、7200 秒は 2 時間)。 */
export function timeoutFromSeconds(seconds: number | null): Timeout {
  if (seconds === null) return { amount: '', unit: 'minutes' }
  const unit = [...TIMEOUT_UNITS].reverse().find((candidate) => seconds % SECONDS[candidate] === 0) ?? 'seconds'
  return { amount: String(seconds / SECONDS[unit]), unit }
}

export function secondsFromTimeout(timeout: Timeout): number | null {
  return timeout.amount.trim() === '' ? null : Number(timeout.amount) * SECONDS[timeout.unit]
}

/** 誤りの名前。訳は `jobs.rule.<名前>`。 */
export function timeoutProblem(timeout: Timeout, least = 1): 'timeout' | 'timeoutMin' | 'timeoutMax' | null {
  if (timeout.amount.trim() === '') return null
  if (!/^\d+$/.test(timeout.amount.trim())) return 'timeout'
  const seconds = secondsFromTimeout(timeout) ?? 0
  if (seconds < 1) return 'timeout'
  if (seconds < least) return 'timeoutMin'
  return seconds > MAX_TIMEOUT_S ? 'timeoutMax' : null
}
