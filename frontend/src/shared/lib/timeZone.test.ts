import { afterEach, describe, expect, it } from 'vitest'

import { formatDateTime } from './datetime'
import { instantOf, showTimeZone, timeZone, wallTime } from './timeZone'

afterEach(() => showTimeZone(null))

const noon = Date.UTC(2026, 6, 1, 12, 0, 0)

describe('時刻を見せる時間帯', () => {
  it('選んだ時間帯の時計で見せる', () => {
    showTimeZone('Asia/Tokyo')
    expect(wallTime(noon)).toEqual({ year: 2026, month: 7, day: 1, hour: 21, minute: 0, second: 0 })
    expect(formatDateTime(new Date(noon), 'en')).toContain('9:00:00')
    showTimeZone('America/New_York')
    expect(wallTime(noon).hour).toBe(8)
    expect(formatDateTime(new Date(noon), 'en')).toContain('8:00:00')
  })

  it('壁の時計から同じ瞬間に戻る。夏時間の前でも後でも', () => {
    showTimeZone('America/New_York')
    for (const at of [noon, Date.UTC(2026, 0, 1, 3), Date.UTC(2026, 2, 8, 7, 30), Date.UTC(2026, 10, 1, 12)]) {
      expect(instantOf(wallTime(at))).toBe(at)
    }
  })

  it('真夜中は 0 時', () => {
    showTimeZone('UTC')
    expect(wallTime(Date.UTC(2026, 0, 1)).hour).toBe(0)
  })

  it('ブラウザの知らない名前なら、端末の時間帯のまま', () => {
    showTimeZone('Mars/Olympus')
    expect(timeZone.value).toBeUndefined()
  })
})
