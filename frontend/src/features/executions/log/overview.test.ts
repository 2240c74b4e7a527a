import { describe, expect, it } from 'vitest'

import { markPixels, nearestRow } from './overview'

describe('巻物の横の印', () => {
  it('両端と真ん中の段が、その割合のところに来る', () => {
    expect(markPixels([0, 500_000, 999_999], 1_000_000, 600)).toEqual([0, 300, 599])
  })

  it('何万あっても、描くのは高さの分だけ', () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => i)
    expect(markPixels(rows, 100_000, 400)).toHaveLength(400)
  })

  it('空のログと、まだ無い段には描かない', () => {
    expect([markPixels([1], 0, 100), markPixels([5, 200], 100, 100)]).toEqual([[], [5]])
  })

  it('押したところに一番近い印を選ぶ', () => {
    expect([nearestRow([900, 10, 40], 30), nearestRow([], 3)]).toEqual([40, null])
  })
})
