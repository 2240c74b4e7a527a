import { describe, expect, it } from 'vitest'

import { MAX_SPACER_PX, ScrollModel } from './scrollModel'

function model(lines: number, viewport = 600): ScrollModel {
  const made = new ScrollModel(20)
  made.viewport = viewport
  made.lines = lines
  return made
}

const position = (m: ScrollModel): number => m.line * 20 + m.offset

describe('巻物と行の写し', () => {
  it('短いログでは、巻物の位置がそのまま行の位置になる', () => {
    const m = model(1000)
    m.scrolled(777)
    expect([m.line, m.offset, m.idealScrollTop]).toEqual([38, 17, 777])
  })

  it('画面より短いログは、動かない', () => {
    const m = model(5)
    expect([m.spacer, m.atStart, m.atEnd, m.idealScrollTop]).toEqual([600, true, true, 0])
  })

  it('巻物は、1 千万行でも上限を超えない', () => {
    expect(model(10_000_000).spacer).toBe(MAX_SPACER_PX)
  })

  it.each([1_000_000, 10_000_000])('%i 行でも、両端へ引けば最初と最後の行に着く', (lines) => {
    const m = model(lines)
    m.scrolled(MAX_SPACER_PX - 600)
    expect([m.atEnd, position(m)]).toEqual([true, lines * 20 - 600])
    m.scrolled(0)
    expect([m.atStart, m.line]).toEqual([true, 0])
  })

  it('小さな動きは、どこでも一画素ずつ正確に動く', () => {
    const m = model(10_000_000)
    m.scrolled(4_000_000)
    const before = position(m)
    m.scrolled(m.scrollTop + 137)
    m.scrolled(m.scrollTop - 37)
    expect(position(m) - before).toBe(100)
  })

  it('行へ飛んで、釣り合う位置に直しても、同じ行が見えている', () => {
    const m = model(10_000_000)
    for (const line of [0, 10, 59, 123_456, 838_860, 5_000_000, 9_999_900]) {
      m.goTo({ line, offset: 7 })
      const ideal = m.idealScrollTop
      m.scrollTop = ideal
      expect([m.line, m.offset]).toEqual([line, 7])
      const again = model(10_000_000)
      again.scrolled(ideal)
      expect(Math.abs(again.line - line)).toBeLessThanOrEqual(1)
    }
  })

  it('端の近くでは、巻物の残りが行の残りと同じ。だから端の行を飛ばさない', () => {
    const m = model(10_000_000)
    m.goTo({ line: 10_000_000 - 80, offset: 0 })
    expect(m.spacer - 600 - m.idealScrollTop).toBeCloseTo(80 * 20 - 600)
    m.goTo({ line: 40, offset: 0 })
    expect(m.idealScrollTop).toBeCloseTo(800)
  })

  it('巻物の端に着いても行が残っていれば、直すように言う', () => {
    const m = model(10_000_000)
    m.goTo({ line: 5_000_000, offset: 0 })
    m.scrollTop = MAX_SPACER_PX - 700
    expect(m.scrolled(MAX_SPACER_PX - 600)).toBe(true)
    expect(m.line).toBe(5_000_005)
  })
})

describe('折り返し', () => {
  const tall = (from: number, to: number, height: number): Map<number, number> =>
    new Map(Array.from({ length: to - from }, (_, i) => [from + i, height]))

  it('測った高さで、一画素ずつ動く', () => {
    const m = model(100)
    m.wraps = true
    m.measured(tall(0, 40, 60))
    m.scrolled(150)
    expect([m.line, m.offset]).toEqual([2, 30])
    m.scrolled(110)
    expect([m.line, m.offset]).toEqual([1, 50])
  })

  it('最後は、高い行でも下端がそろう', () => {
    const m = model(100)
    m.wraps = true
    m.measured(tall(60, 100, 100))
    m.goTo(m.endAnchor())
    expect([m.line, m.offset, m.atEnd]).toEqual([94, 0, true])
  })

  it('全部の行を測れば、巻物の長さは正確になる', () => {
    const m = model(10)
    m.wraps = true
    m.measured(tall(0, 10, 100))
    expect(m.spacer).toBe(1000)
    m.goTo(m.endAnchor())
    expect(m.idealScrollTop).toBe(400)
  })
})
