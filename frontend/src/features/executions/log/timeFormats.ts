import { wallTime } from '@/shared/lib/timeZone'

/** 行の横に出す時刻。 */
export const TIME_MODES = ['off', 'clock', 'elapsed', 'delta'] as const
export type TimeMode = (typeof TIME_MODES)[number]

const pad = (value: number, digits: number): string => String(value).padStart(digits, '0')

/** `14:03:22.123`。見ている人の時間帯で。 */
export function formatClock(ms: number): string {
  const { hour, minute, second } = wallTime(ms)
  return `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(new Date(ms).getUTCMilliseconds(), 3)}`
}

/** `1:02:03.456`。一時間までは `2:03.456`。時計のずれで負になったら 0。 */
export function formatElapsed(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  const hours = Math.floor(whole / 3_600_000)
  const minutes = Math.floor(whole / 60_000) % 60
  const seconds = `${pad(Math.floor(whole / 1000) % 60, 2)}.${pad(whole % 1000, 3)}`
  return hours > 0 ? `${hours}:${pad(minutes, 2)}:${seconds}` : `${minutes}:${seconds}`
}

/** `+0.123`。一分を超えれば `+2:03.456`。 */
export function formatDelta(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  return `+${whole < 60_000 ? (whole / 1000).toFixed(3) : formatElapsed(whole)}`
}
