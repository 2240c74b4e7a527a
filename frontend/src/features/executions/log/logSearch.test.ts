import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiProblem } from '@/api'

import type { SearchPart } from './api'
import { LogSearch } from './logSearch'

const QUERY = { q: 'x', regex: false, case: false, word: false }

/** サーバの約束(NDJSON)を守る、小さな相手。一行は十バイトとする。 */
class Host {
  asked: SearchPart[] = []
  lines: number[] = []
  /** 通り過ぎた当たりの、この数ごとに道しるべを送る。 */
  step = 5000
  total = 0
  problem: ApiProblem | null = null
  signals: AbortSignal[] = []

  readonly open = async (_: unknown, part: SearchPart, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
    const { fromByte, limit, count } = part
    this.asked.push(part)
    this.signals.push(signal)
    await Promise.resolve()
    if (this.problem) throw this.problem
    const found = this.lines.filter((line) => (line - 1) * 10 >= fromByte)
    const past = count ? found.slice(limit).filter((_, i) => i % this.step === 0) : []
    const messages = [
      ...found.slice(0, limit).map((line) => ({ type: 'match', line, byte: (line - 1) * 10, start: 0, end: 1, text: `x${line}`, text_start: 0 })),
      ...past.map((line) => ({ type: 'passed', line, byte: (line - 1) * 10, matches: found.indexOf(line) })),
      { type: 'progress', bytes: this.total, total: this.total, matches: found.length },
      { type: 'end', matches: found.length, truncated: false, next_byte: Math.floor(this.total / 10) * 10, next_line: Math.floor(this.total / 10) + 1 },
    ]
    return new Response(messages.map((message) => `${JSON.stringify(message)}\n`).join('')).body as ReadableStream<Uint8Array>
  }
}

function begin(host: Host): LogSearch {
  const search = new LogSearch(host.open, () => {})
  search.start(QUERY)
  return search
}

const settle = (ms = 10): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('ログの検索', () => {
  it('見つかった行と数が分かる', async () => {
    const host = new Host()
    Object.assign(host, { lines: [2, 5, 9], total: 100 })
    const search = begin(host)
    expect(search.state.running).toBe(true)
    await settle()
    expect([search.state.running, search.state.count, search.hits.lines(), search.hits.on(5)?.matched]).toEqual([false, 3, [2, 5, 9], 'x'])
    expect([search.hits.on(4), search.hits.firstFrom(3), search.hits.firstFrom(10)]).toEqual([null, 1, 3])
  })

  it('ログが伸びたら続きだけを探し、途中だった最後の行を二度数えない', async () => {
    const host = new Host()
    Object.assign(host, { lines: [2, 10], total: 95 })
    const search = begin(host)
    search.grew(95)
    await settle()
    Object.assign(host, { lines: [2, 10, 12], total: 120 })
    search.grew(120)
    await settle(2000)
    expect([host.asked.map((one) => one.fromByte), search.hits.lines(), search.state.count]).toEqual([[0, 90], [2, 10, 12], 3])
    search.grew(120)
    await settle(5000)
    expect(host.asked).toHaveLength(2)
  })

  it('空の言葉では探さず、前のものをやめる', async () => {
    const host = new Host()
    const search = begin(host)
    search.start({ ...QUERY, q: '' })
    search.grew(100)
    await settle(5000)
    expect([host.asked.length, host.signals[0]?.aborted, search.state.running]).toEqual([1, true, false])
  })

  it('書き方の誤りを伝え、伸びても勝手にやり直さない', async () => {
    const host = new Host()
    host.problem = new ApiProblem({ code: 'search_pattern_invalid', status: 422 })
    const search = begin(host)
    await settle()
    search.grew(100)
    await settle(5000)
    expect([search.state.problem?.code, search.state.running, host.asked.length]).toEqual(['search_pattern_invalid', false, 1])
  })

  it('多すぎる行は、手元に持たずに数だけを数え、横の印は全体に出す', async () => {
    const search = await many(100_000)
    expect([search.hits.length, search.state.count]).toEqual([10_000, 100_000])
    expect(Math.max(...search.marks)).toBeGreaterThan(190_000)
  })

  it('次と前は、手元の端で止まらず、何万件目でも取りに行く', async () => {
    const search = await many(100_000)
    const lineOf = (index: number | null): number | undefined => search.hits.get(index ?? -1)?.line
    const at = (line: number): { first: number; last: number } => ({ first: line, last: line + 40 })
    let index = await search.step(9_999, at(20_000), 1)
    expect([index, lineOf(index)]).toEqual([10_000, 20_002])
    index = await search.step(10_000, at(20_002), -1)
    expect([index, lineOf(index)]).toEqual([9_999, 20_000])
    // 先頭の前は末尾、末尾の次は先頭
    index = await search.step(null, { first: 1, last: 1 }, -1)
    expect([index, lineOf(index)]).toEqual([99_999, 200_000])
    index = await search.step(99_999, at(199_990), 1)
    expect([index, lineOf(index)]).toEqual([0, 2])
  })

  it('遠くを見ているときは、そこから数える', async () => {
    const search = await many(100_000)
    const index = await search.step(null, { first: 123_457, last: 123_500 }, 1)
    expect([index, search.hits.get(index ?? 0)?.line]).toEqual([61_728, 123_458])
    const back = await search.step(null, { first: 55_000, last: 55_001 }, -1)
    expect([back, search.hits.get(back ?? 0)?.line]).toEqual([27_499, 55_000])
  })
})

/** 偶数の行が当たる、たくさんの行。 */
async function many(count: number): Promise<LogSearch> {
  const host = new Host()
  Object.assign(host, { lines: Array.from({ length: count }, (_, i) => 2 * (i + 1)), total: count * 20 })
  const search = begin(host)
  await settle(1000)
  return search
}
