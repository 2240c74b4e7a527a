import { describe, expect, it } from 'vitest'

import type { LogSection } from './api'
import { foldedSpans, sectionsHiding } from './sections'

function section(first: number, last: number | null, collapsed = false): LogSection {
  return { first_line: first, last_line: last, title: 'x', depth: 0, collapsed, started_ms: 0, ended_ms: null }
}

describe('畳み', () => {
  it('初めから畳む印のものと、利用者が畳んだものを隠す。始まりの行は残る', () => {
    const sections = [section(3, 9, true), section(20, 30), section(40, null)]
    expect(foldedSpans(sections, new Map([[40, true]]))).toEqual([{ first: 3, last: 8 }, { first: 40, last: Infinity }])
  })

  it('初めから畳む印のものも、開いたら開いたまま', () => {
    expect(foldedSpans([section(3, 9, true)], new Map([[3, false]]))).toEqual([])
  })

  it('一行だけの区切りは、隠すものが無い', () => {
    expect(foldedSpans([section(3, 3, true)], new Map())).toEqual([])
  })

  it('隠れた行を見せるには、外側の区切りも開く', () => {
    const sections = [section(1, 100, true), section(10, 20, true), section(30, 40, true)]
    expect(sectionsHiding(sections, new Map(), 15).map((one) => one.first_line)).toEqual([1, 10])
    expect(sectionsHiding(sections, new Map([[1, false]]), 30).map((one) => one.first_line)).toEqual([])
  })
})
