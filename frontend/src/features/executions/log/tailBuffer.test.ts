import { describe, expect, it } from 'vitest'

import { TailBuffer } from './tailBuffer'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

function linesOf(tail: TailBuffer): string[] {
  return Array.from({ length: tail.lineCount - tail.firstLine }, (_, i) => tail.get(tail.firstLine + i)?.text ?? '?')
}

/** 種から決まる乱数。失敗した切り方を、もう一度起こせるように。 */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

function feedInPieces(tail: TailBuffer, bytes: Uint8Array, from: number, random: () => number): void {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * 9)
    expect(tail.append(from + at, bytes.subarray(at, at + size))).toBe(true)
    at += size
  }
}

describe('末尾の続き', () => {
  it('どこで切れて届いても、同じ行になる', () => {
    const text = '一行目 🎉 é\n\n  表示\r\n\x1b[31m赤\x1b[0m\nlast 途中'
    for (let seed = 1; seed <= 300; seed += 1) {
      const tail = new TailBuffer(100, 5000)
      feedInPieces(tail, encode(text), 5000, seeded(seed))
      expect(linesOf(tail)).toEqual(text.split('\n'))
      expect(tail.endByte).toBe(5000 + encode(text).length)
    }
  })

  it('改行で終われば、途中の行は無い', () => {
    const tail = new TailBuffer(0, 0)
    tail.append(0, encode('a\nb\n'))
    expect(tail.lineCount).toBe(2)
    tail.append(4, encode('c'))
    expect([tail.lineCount, tail.get(2)?.text]).toEqual([3, 'c'])
  })

  it('重なって届いた分は捨て、抜けは受け取らない', () => {
    const tail = new TailBuffer(0, 0)
    tail.append(0, encode('hello'))
    expect(tail.append(2, encode('llo world'))).toBe(true)
    expect(tail.append(0, encode('hel'))).toBe(true)
    expect(tail.get(0)?.text).toBe('hello world')
    expect(tail.append(12, encode('x'))).toBe(false)
    expect(tail.get(0)?.text).toBe('hello world')
  })

  it('正しくない UTF-8 も、行の数を変えない', () => {
    const tail = new TailBuffer(0, 0)
    tail.append(0, new Uint8Array([0xff, 0x0a, 0xe3, 0x81, 0x0a, 0x61]))
    expect(linesOf(tail)).toEqual(['\ufffd', '\ufffd', 'a'])
  })

  it('流れ続けても持つ量は増えず、行番号は正しい', () => {
    const tail = new TailBuffer(0, 0, { lines: 100, chars: 1_000_000 })
    for (let i = 0; i < 5000; i += 1) tail.append(tail.endByte, encode(`line ${i}\n`))
    expect(tail.lineCount).toBe(5000)
    expect(tail.lineCount - tail.firstLine).toBeLessThanOrEqual(100)
    expect(tail.get(4999)?.text).toBe('line 4999')
    expect(tail.get(tail.firstLine)?.text).toBe(`line ${tail.firstLine}`)
  })

  it('終わらない一行は頭だけを残し、次の行からまた読める', () => {
    const tail = new TailBuffer(0, 0)
    for (let i = 0; i < 40; i += 1) tail.append(tail.endByte, encode('x'.repeat(10_000)))
    expect([tail.get(0)?.text.length, tail.get(0)?.cut]).toEqual([65_536, true])
    tail.append(tail.endByte, encode('\nnext'))
    expect([tail.get(1)?.text, tail.get(1)?.cut]).toEqual(['next', false])
  })

  it('書き直し続ける進み具合は、最後の姿を残す', () => {
    const tail = new TailBuffer(0, 0)
    for (let i = 0; i <= 20_000; i += 1) tail.append(tail.endByte, encode(`\r${i} / 20000`))
    expect(tail.get(0)?.cut).toBe(false)
    expect(tail.get(0)?.text.endsWith('\r20000 / 20000')).toBe(true)
  })

  it('前の行の色は、次の行の始めの色になる', () => {
    const tail = new TailBuffer(0, 0)
    tail.append(0, encode('\x1b[32mgreen\nstill\x1b[0m\nplain'))
    expect([0, 1, 2].map((line) => tail.get(line)?.start.fg !== null)).toEqual([false, true, false])
  })
})
