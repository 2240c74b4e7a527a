import { instantOf, wallTime } from '@/shared/lib/timeZone'

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0')
const WRITTEN = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?/

/** ISO 8601 から `<input type="datetime-local">` の値(見ている人の時刻)へ。 */
export function toLocalInput(iso: string | null): string {
  if (iso === null || iso === '') return ''
  const at = wallTime(Date.parse(iso))
  return `${pad(at.year, 4)}-${pad(at.month)}-${pad(at.day)}T${pad(at.hour)}:${pad(at.minute)}`
}

/** 入力の途中や空は `''`。 */
export function fromLocalInput(text: string): string {
  const found = WRITTEN.exec(text)
  if (found === null) return ''
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map((part) => Number(part ?? 0))
  return new Date(instantOf({ year, month, day, hour, minute, second })).toISOString()
}
