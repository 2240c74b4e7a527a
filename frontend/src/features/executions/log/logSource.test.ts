import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { LogHandlers } from '@/shared/lib/streamMessages'

import type { LineSlice } from './api'
import { LogSource } from './logSource'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** サーバの約束(行の切り出しと実況)を、メモリの上のログで守る。 */
class LogHost {
  text = ''
  ended = false
  requests: { from: number; count: number }[] = []
  handlers: LogHandlers | null = null
  sent = 0
  /** 残っていない行(1 から)。 */
  gap: { first: number; last: number } | null = null
  /** 次の読み取りの答えを、送る直前に呼ぶ。読んでいる間の出来事を起こす。 */
  beforeAnswer: () => void = () => {}

  readonly transport = {
    lines: async (from: number, count: number): Promise<LineSlice> => {
      this.requests.push({ from, count })
      const all = this.text.split('\n')
      if (all.at(-1) === '') all.pop()
      const { gap } = this
      if (gap && from >= gap.first && from <= gap.last) from = gap.last + 1
      const chosen = all.slice(from - 1, gap && from < gap.first ? Math.min(from - 1 + count, gap.first - 1) : from - 1 + count)
      const firstByte = encode(all.slice(0, from - 1).map((line) => `${line}\n`).join('')).length
      const reachesEnd = from - 1 + chosen.length >= all.length
      const body = chosen.join('\n') + (chosen.length > 0 && (!reachesEnd || this.text.endsWith('\n')) ? '\n' : '')
      const slice = {
        bytes: encode(body), firstLine: from, lineCount: chosen.length, firstByte,
        totalBytes: encode(this.text).length, totalLines: all.length, truncated: false, gap,
      }
      await Promise.resolve()
      const before = this.beforeAnswer
      this.beforeAnswer = () => {}
      before()
      return slice
    },
    subscribe: (fromByte: number, handlers: LogHandlers) => {
      this.handlers = handlers
      this.sent = fromByte
      return () => (this.handlers = null)
    },
  }

  /** まだ送っていない分を、`size` バイトずつ送る。 */
  send(size = 7): void {
    const bytes = encode(this.text)
    while (this.sent < bytes.length) {
      const piece = bytes.slice(this.sent, this.sent + size)
      const at = this.sent
      this.sent += piece.length
      this.handlers?.onData(at, piece)
    }
  }

  skip(): void {
    this.sent = encode(this.text).length
    this.handlers?.onSkip({ type: 'log_position', id: 1, log_bytes: this.sent, log_lines: this.text.split('\n').length - 1 })
  }

  end(): void {
    this.ended = true
    const bytes = encode(this.text).length
    const lines = this.text.split('\n').length - (this.text.endsWith('\n') ? 1 : 0)
    this.handlers?.onEnd({ type: 'log_end', id: 1, log_bytes: bytes, log_lines: lines, state: 'succeeded' })
  }
}

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(1000).then(() => {})
const numbered = (count: number): string => Array.from({ length: count }, (_, i) => `行 ${i}\n`).join('')

function open(host: LogHost, ended = false, lines = 0): LogSource {
  const source = new LogSource(host.transport, { ended, lines }, () => {})
  source.open(0)
  return source
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('終わったログ', () => {
  it('最初のブロックの答えから、全体の長さを知る', async () => {
    const host = new LogHost()
    host.text = numbered(25_000)
    const source = open(host, true)
    await settle()
    expect([source.opened, source.lineCount, source.get(0)?.text]).toEqual([true, 25_000, '行 0'])
    source.want([{ first: 20_500, last: 20_540 }])
    await settle()
    expect(source.get(20_520)?.text).toBe('行 20520')
    expect(host.requests.map((request) => request.from)).toEqual([1, 20_001])
  })

  it('最後の途中の行も読める', async () => {
    const host = new LogHost()
    host.text = 'a\nb'
    const source = open(host, true)
    await settle()
    expect([source.lineCount, source.get(1)?.text]).toEqual([2, 'b'])
  })

  it('引いて通り過ぎたところは、読むのをやめる', async () => {
    const host = new LogHost()
    host.text = numbered(50_000)
    const source = open(host, true)
    await settle()
    host.requests = []
    for (let line = 5000; line <= 40_000; line += 1000) source.want([{ first: line + 500, last: line + 510 }])
    await settle()
    expect(source.get(40_505)?.text).toBe('行 40505')
    expect(source.get(20_505)).toBeNull()
  })
})

describe('伸びているログ', () => {
  it('空から始まり、届いたものがそのまま行になる', async () => {
    const host = new LogHost()
    const source = open(host)
    await settle()
    expect([source.opened, source.lineCount]).toEqual([true, 0])
    host.text = 'はじめ\n二つ目'
    host.send(2)
    expect([source.lineCount, source.get(1)?.text]).toEqual([2, '二つ目'])
  })

  it('末尾から始めても、途中の行の続きと行番号が正しい', async () => {
    const host = new LogHost()
    host.text = `${numbered(30_000)}途中`
    const source = open(host, false, 12)
    await settle()
    host.text += 'の続き\n次'
    host.send(5)
    expect([source.lineCount, source.get(30_000)?.text, source.get(30_001)?.text]).toEqual([30_002, '途中の続き', '次'])
    source.want([{ first: 100, last: 120 }])
    await settle()
    expect(source.get(110)?.text).toBe('行 110')
  })

  it('飛ばされたら、末尾を読み直して続ける', async () => {
    const host = new LogHost()
    const source = open(host)
    await settle()
    host.text = numbered(5000)
    host.skip()
    expect(source.lineCount).toBe(0)
    await settle()
    host.text += 'after\n'
    host.send()
    expect([source.lineCount, source.get(4999)?.text, source.get(5000)?.text]).toEqual([5001, '行 4999', 'after'])
  })

  it('末尾を読んでいる間に飛ばされて、そこで止まっても、追い付く', async () => {
    const host = new LogHost()
    const source = open(host)
    await settle()
    host.text = numbered(3000)
    host.beforeAnswer = () => {
      host.text = numbered(9000)
      host.skip()
    }
    host.skip()
    await settle()
    expect([source.lineCount, source.get(8999)?.text]).toEqual([9000, '行 8999'])
  })

  it('間が抜けて届いたら、読み直して埋める', async () => {
    const host = new LogHost()
    const source = open(host)
    await settle()
    host.text = numbered(300)
    host.sent = 40
    host.send()
    await settle()
    expect([source.lineCount, source.get(0)?.text, source.get(299)?.text]).toEqual([300, '行 0', '行 299'])
  })

  it('終わりの知らせで止まり、足りなければ読み足す', async () => {
    const host = new LogHost()
    const source = open(host)
    await settle()
    host.text = 'a\nb'
    host.end()
    await settle()
    expect([source.ended, source.lineCount, source.get(1)?.text, host.handlers]).toEqual([true, 2, 'b', null])
  })

  it('どんな順で伸び、飛び、抜けても、最後は同じログになる', async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      let state = seed
      const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
      const host = new LogHost()
      const source = open(host)
      await settle()
      for (let step = 0; step < 12; step += 1) {
        host.text += Array.from({ length: random(900) }, (_, i) => `種${seed} 段${step} ${i}${i % 3 === 0 ? '' : '\n'}`).join('')
        const fate = random(8)
        if (fate < 2) host.skip()
        else if (fate === 2) host.sent += random(50)
        host.send(1 + random(40))
        if (random(2) === 0) await settle()
      }
      host.end()
      await settle()
      const expected = host.text.split('\n')
      if (expected.at(-1) === '') expected.pop()
      source.want([{ first: 0, last: expected.length - 1 }])
      await settle()
      const shown = expected.map((_, line) => source.get(line)?.text)
      expect([source.lineCount, shown]).toEqual([expected.length, expected])
    }
  })
})

describe('大きさの上限で、残っていない行', () => {
  it('抜けを知る前に頼んだ答えを、前の行と取り違えない', async () => {
    const host = new LogHost()
    Object.assign(host, { text: numbered(5000), gap: { first: 901, last: 2500 } })
    const source = open(host, true)
    await settle()
    expect([source.gap, source.get(0)?.text, source.get(899)?.text]).toEqual([{ first: 900, last: 2499 }, '行 0', '行 899'])
    source.want([{ first: 890, last: 899 }, { first: 2500, last: 2520 }])
    await settle()
    expect([source.get(2500)?.text, source.get(2999)?.text]).toEqual(['行 2500', '行 2999'])
    expect(host.requests.every(({ from, count }) => from + count - 1 <= 1000 || from > 2500)).toBe(true)
  })

  it('一つのブロックの中の抜けも、番号がずれない', async () => {
    const host = new LogHost()
    Object.assign(host, { text: numbered(900), gap: { first: 101, last: 300 } })
    const source = open(host, true)
    await settle()
    source.want([{ first: 0, last: 99 }, { first: 300, last: 340 }])
    await settle()
    expect([99, 300, 899].map((line) => source.get(line)?.text)).toEqual(['行 99', '行 300', '行 899'])
  })

  it('伸びているログの末尾も、抜けの後から始まる', async () => {
    const host = new LogHost()
    Object.assign(host, { text: numbered(5000), gap: { first: 101, last: 4800 } })
    const source = open(host, false, 5000)
    await settle()
    host.text += 'after\n'
    host.send()
    expect([source.lineCount, source.get(4800)?.text, source.get(5000)?.text]).toEqual([5001, '行 4800', 'after'])
  })
})

describe('失敗', () => {
  it('読めなければ知らせ、しばらくして自分でやり直す', async () => {
    const host = new LogHost()
    host.text = 'a\n'
    host.beforeAnswer = () => {
      throw new TypeError('offline')
    }
    const source = open(host)
    await vi.advanceTimersByTimeAsync(10)
    expect([source.problem?.code, source.opened]).toEqual(['network', false])
    await vi.advanceTimersByTimeAsync(3000)
    expect([source.problem, source.get(0)?.text]).toEqual([null, 'a'])
  })
})
