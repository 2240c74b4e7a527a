import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { TimeMark } from './api'
import { LineTimes } from './lineTimes'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const settle = (ms = 400): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

/** どの行も、十行ごとに一秒遅れて届いた。 */
function host(): { asked: number[]; fetch: (from: number, count: number) => Promise<TimeMark[]> } {
  const asked: number[] = []
  return {
    asked,
    fetch: (from, count) => {
      asked.push(from)
      const first = Math.floor((from - 1) / 10)
      return Promise.resolve(Array.from({ length: count / 10 }, (_, i) => ({ line: Math.max(from, (first + i) * 10 + 1), at_ms: (first + i) * 1000 })))
    },
  }
}

describe('行の時刻の読み込み', () => {
  it('手が止まってから、見えているブロックだけを読む。二度は読まない', async () => {
    const { asked, fetch } = host()
    const times = new LineTimes(fetch, () => {})
    for (let line = 0; line < 50_000; line += 500) times.want([{ first: line, last: line + 40 }], 1_000_000)
    times.want([{ first: 70_010, last: 70_050 }], 1_000_000)
    await settle()
    expect([asked, times.at(70_015), times.at(70_020), times.at(5)]).toEqual([[70_001], 7_001_000, 7_002_000, null])
    times.want([{ first: 70_020, last: 70_060 }], 1_000_000)
    await settle()
    expect(asked).toEqual([70_001])
  })

  it('ブロックの境では、一つ前の行のために前のブロックも読む', async () => {
    const { asked, fetch } = host()
    const times = new LineTimes(fetch, () => {})
    times.want([{ first: 1000, last: 1040 }], 5000)
    await settle()
    expect([asked, times.at(999), times.at(1000)]).toEqual([[1, 1001], 99_000, 100_000])
  })

  it('伸びているログでは、知らない行が見えたときだけ、間を空けて読み直す', async () => {
    const { asked, fetch } = host()
    const times = new LineTimes(fetch, () => {})
    times.want([{ first: 0, last: 19 }], 20)
    await settle()
    expect([times.at(19), times.at(20)]).toEqual([1000, null])
    times.want([{ first: 0, last: 29 }], 30)
    await settle()
    expect([asked.length, times.at(29)]).toEqual([2, 2000])
  })
})
