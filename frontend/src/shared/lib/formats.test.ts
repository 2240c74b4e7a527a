import { describe, expect, it } from 'vitest'

import { backoffMs } from './backoff'
import { formatBinary, formatBytes } from './bytes'
import { formatRelative } from './datetime'
import { durationParts, formatDuration } from './duration'

describe('長さ', () => {
  it('上の二つの位だけを書く', () => {
    expect(formatDuration(0, 'en')).toBe('0 sec')
    expect(formatDuration(59_999, 'en')).toBe('59 sec')
    expect(formatDuration(3_725_000, 'en')).toBe('1 hr 2 min')
    expect(formatDuration(86_400_000, 'en')).toBe('1 day')
    expect(formatDuration(90_000, 'ja')).toBe('1 分 30 秒')
  })

  it('時計がずれて負になっても、0 とみなす', () => {
    expect(durationParts(-5000)).toEqual({ days: 0, hours: 0, minutes: 0, seconds: 0 })
  })
})

describe('大きさ', () => {
  it('1,000 ごとの位で書く', () => {
    expect(formatBytes(0, 'en')).toBe('0 bytes')
    expect(formatBytes(999, 'en')).toBe('999 bytes')
    expect(formatBytes(1500, 'en')).toBe('1.5 kB')
    expect(formatBytes(136_600_000, 'en')).toBe('137 MB')
    expect(formatBytes(1e18, 'en')).toBe('1,000,000 TB')
  })

  it('人の決めた上限は、1,024 ごとの位で書く', () => {
    expect(formatBinary(2 ** 30, 'en')).toBe('1 GiB')
    expect(formatBinary(1536 * 2 ** 20, 'en')).toBe('1.5 GiB')
    expect(formatBinary(2 ** 40, 'ja')).toBe('1 TiB')
  })
})

describe('今からの時間', () => {
  it('一分より近ければ「今」、遠ければ大きな位で書く', () => {
    const now = Date.UTC(2026, 10, 24)
    const at = (seconds: number): string => formatRelative(new Date(now + seconds * 1000), now, 'ja')
    expect([at(-59), at(-60), at(-7200), at(-86_400)]).toEqual(['今', '1 分前', '2 時間前', '昨日'])
  })
})

describe('つなぎ直しの間', () => {
  it('倍々に延び、15 秒を超えず、半分から上でばらつく', () => {
    expect([0, 1, 2].map((attempt) => backoffMs(attempt, () => 1))).toEqual([250, 500, 1000])
    expect(backoffMs(100, () => 1)).toBe(15_000)
    expect(backoffMs(100, () => 0)).toBe(7500)
  })
})
