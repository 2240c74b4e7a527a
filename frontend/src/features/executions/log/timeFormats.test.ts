import { describe, expect, it } from 'vitest'

import { formatClock, formatDelta, formatElapsed } from './timeFormats'

describe('行の時刻', () => {
  it('時計は、ミリ秒まで桁をそろえる', () => {
    expect(formatClock(new Date(2026, 10, 24, 4, 3, 2, 7).getTime())).toBe('04:03:02.007')
  })

  it('始まりからの時間。一時間を超えたら時も書く', () => {
    expect([0, 61_005, 3_723_456, -5].map(formatElapsed)).toEqual(['0:00.000', '1:01.005', '1:02:03.456', '0:00.000'])
  })

  it('前の行からの差', () => {
    expect([0, 123, 59_999, 123_456].map(formatDelta)).toEqual(['+0.000', '+0.123', '+59.999', '+2:03.456'])
  })
})
