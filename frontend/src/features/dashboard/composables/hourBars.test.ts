import { describe, expect, it } from 'vitest'
import { hourBars, niceMax, sumBars } from './hourBars'

const NOW = Date.parse('2026-11-24T03:40:00Z')

describe('一時間ごとの棒', () => {
  it('実行のない時間も含めて、今の一時間までの二十四本を並べる', () => {
    const bars = hourBars([], NOW)
    expect(bars).toHaveLength(24)
    expect(new Date(bars[23]?.start ?? 0).toISOString()).toBe('2026-11-24T03:00:00.000Z')
    expect(new Date(bars[0]?.start ?? 0).toISOString()).toBe('2026-11-23T04:00:00.000Z')
    expect(sumBars(bars).total).toBe(0)
  })

  it('状態を四つの組にまとめて数える', () => {
    const counts = { succeeded: 5, failed: 1, partially_failed: 1, lost: 1, timed_out: 1, cancelled: 2, running: 3 }
    const bar = hourBars([{ hour: '2026-11-24T02:00:00Z', counts }], NOW)[22]
    expect(bar?.counts).toEqual({ succeeded: 5, failed: 4, cancelled: 2, active: 3 })
    expect(bar?.total).toBe(14)
  })

  it('範囲の外の時間は数えない', () => {
    const hours = [{ hour: '2026-11-20T02:00:00Z', counts: { failed: 9 } }]
    expect(sumBars(hourBars(hours, NOW)).failed).toBe(0)
  })
})

describe('目盛りの上端', () => {
  it.each([
    [0, 4],
    [4, 4],
    [7, 10],
    [11, 20],
    [34, 50],
    [100, 100],
    [101, 200],
  ])('%i は %i まで', (value, expected) => {
    expect(niceMax(value)).toBe(expected)
  })
})
