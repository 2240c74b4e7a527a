import { describe, expect, it } from 'vitest'

import { LINE_LIMIT_BYTES, LineBlocks, splitLines } from './lineBlocks'
import { PLAIN } from './sgr'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const numbered = (first: number, count: number): string[] => Array.from({ length: count }, (_, i) => `line ${first + i}`)

describe('行に分ける', () => {
  it('最後の改行の後ろは、行ではない', () => {
    expect(splitLines(encode('a\nb\n'))).toEqual(['a', 'b'])
    expect(splitLines(encode('a\nb'))).toEqual(['a', 'b'])
    expect(splitLines(encode('\n\n'))).toEqual(['', ''])
    expect(splitLines(encode(''))).toEqual([])
  })

  it('BOM も、中身の一部として残る', () => {
    expect(splitLines(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))).toEqual(['\ufeffa'])
  })
})

describe('ブロックの置き場', () => {
  it('行の番号から、そのブロックの行が出る', () => {
    const blocks = new LineBlocks(1000, 1_000_000)
    blocks.put(5, numbered(5000, 1000), false)
    expect(blocks.get(5000)?.text).toBe('line 5000')
    expect(blocks.get(5999)?.text).toBe('line 5999')
    expect([blocks.get(4999), blocks.get(6000)]).toEqual([null, null])
  })

  it('溢れたら、長く使っていないものから捨てる', () => {
    const blocks = new LineBlocks(10, 250)
    blocks.put(0, numbered(0, 10), false)
    blocks.put(1, numbered(10, 10), false)
    blocks.put(2, numbered(20, 10), false)
    expect(blocks.get(0)?.text).toBe('line 0')
    blocks.put(3, numbered(30, 10), false)
    blocks.put(4, numbered(40, 10), false)
    expect(blocks.chars).toBeLessThanOrEqual(250)
    expect([blocks.get(10), blocks.get(0)?.text, blocks.get(40)?.text]).toEqual([null, 'line 0', 'line 40'])
  })

  it('上限より大きい一つでも、今届いたものは持つ', () => {
    const blocks = new LineBlocks(10, 5)
    blocks.put(7, numbered(70, 10), false)
    expect(blocks.get(70)?.text).toBe('line 70')
  })

  it('色は前のブロックから続く。前が後から届いたら、直す', () => {
    const blocks = new LineBlocks(2, 1000)
    blocks.put(1, ['c', '\x1b[0md'], false)
    expect(blocks.get(2)?.start).toBe(PLAIN)
    blocks.put(0, ['a', '\x1b[31mb'], false)
    expect(blocks.get(2)?.start.fg).not.toBeNull()
    expect(blocks.get(3)?.start.fg).not.toBeNull()
    blocks.put(2, ['e', 'f'], false)
    expect(blocks.get(4)?.start.fg).toBeNull()
  })

  it('サーバが切った行だけに、印が付く', () => {
    const blocks = new LineBlocks(10, 1_000_000)
    blocks.put(0, ['short', 'あ'.repeat(21_846), 'あ'.repeat(21_000)], true)
    expect(encode('あ'.repeat(21_846)).length).toBeGreaterThanOrEqual(LINE_LIMIT_BYTES)
    expect([0, 1, 2].map((line) => blocks.get(line)?.cut)).toEqual([false, true, false])
  })
})
