import { describe, expect, it } from 'vitest'

import { RowMap, type LineSpan } from './rowMap'

/** 一行ずつ素朴に数えた答え。 */
function naive(hidden: readonly LineSpan[], lines: number): number[] {
  return Array.from({ length: lines }, (_, line) => line).filter((line) => !hidden.some((span) => line >= span.first && line <= span.last))
}

describe('段と行の写し', () => {
  it('何も隠さなければ、同じ番号', () => {
    const map = new RowMap()
    expect([map.rowCount(10), map.rowOf(7), map.lineOf(7), map.isHidden(7)]).toEqual([10, 7, 7, false])
  })

  it('隠れた行の段は、隠している段', () => {
    const map = new RowMap([{ first: 3, last: 5 }])
    expect([2, 3, 5, 6].map((line) => map.rowOf(line))).toEqual([2, 2, 2, 3])
    expect([2, 3].map((row) => map.lineOf(row))).toEqual([2, 6])
  })

  it('まだ閉じていないものは、伸びても段を増やさない', () => {
    const map = new RowMap([{ first: 4, last: Infinity }])
    expect([map.rowCount(4), map.rowCount(5), map.rowCount(10_000_000), map.rowOf(9_999_999), map.lineOf(4)]).toEqual([4, 4, 4, 3, 3])
  })

  it('1 千万行を五千個畳んでも、両端と中が合う', () => {
    const hidden = Array.from({ length: 5000 }, (_, i) => ({ first: i * 2000 + 1, last: i * 2000 + 1998 }))
    const map = new RowMap(hidden)
    expect(map.rowCount(10_000_000)).toBe(10_000)
    expect([map.lineOf(0), map.lineOf(1), map.lineOf(5001), map.lineOf(9999)]).toEqual([0, 1999, 5_001_999, 9_999_999])
    for (let row = 0; row < 10_000; row += 37) expect(map.rowOf(map.lineOf(row))).toBe(row)
  })

  it('見えている行を、続いている並びごとに言う', () => {
    const map = new RowMap([{ first: 3, last: 1_000_000 }, { first: 1_000_003, last: 1_000_003 }])
    expect(map.spans(1, 6)).toEqual([
      { first: 1, last: 2 }, { first: 1_000_001, last: 1_000_002 }, { first: 1_000_004, last: 1_000_005 },
    ])
  })

  it('どんな重なり方でも、素朴に数えた答えと同じ', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      let state = seed
      const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
      const lines = 1 + random(60)
      const hidden = Array.from({ length: random(6) }, () => {
        const first = 1 + random(60)
        return { first, last: first + random(20) }
      })
      const map = new RowMap(hidden)
      const shown = naive(hidden, lines)
      expect([map.rowCount(lines), shown.map((_, row) => map.lineOf(row))]).toEqual([shown.length, shown])
      for (let line = 0; line < lines; line += 1) {
        const row = shown.findLastIndex((other) => other <= line)
        expect([map.rowOf(line), map.isHidden(line)]).toEqual([row, !shown.includes(line)])
      }
    }
  })
})
