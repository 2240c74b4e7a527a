import { describe, expect, it } from 'vitest'

import type { LineSlice } from './api'
import { readRange } from './copyRange'

/** 三行目から六行目が残っていない、九行のログ。 */
function fetchWithGap(from: number, count: number): Promise<LineSlice> {
  const first = from >= 3 && from <= 6 ? 7 : from
  const last = Math.min(first + count - 1, first < 3 ? 2 : 9)
  const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const bytes = new TextEncoder().encode(numbers.map((number) => `line ${number}\n`).join(''))
  return Promise.resolve({ bytes, firstLine: first, lineCount: numbers.length, firstByte: 0, totalBytes: 0, totalLines: 9, truncated: false, gap: null })
}
const missing = (from: number, to: number): string => `[${from}-${to}]`
const copy = (from: number, to: number): Promise<string | null> => readRange(fetchWithGap, { from, to }, missing, new AbortController().signal)

describe('readRange', () => {
  it('残っていない行は、黙って抜かずに一行で言う', async () => {
    expect(await copy(1, 8)).toBe(['line 1', 'line 2', '[3-6]', 'line 7', 'line 8'].join('\n'))
  })

  it('残っていない行だけを選んだら、その一行だけになる', async () => {
    expect(await copy(4, 5)).toBe('[4-5]')
  })

  it('残っている行だけなら、そのまま', async () => {
    expect(await copy(8, 9)).toBe('line 8\nline 9')
  })
})
