import { describe, expect, it } from 'vitest'

import type { MergedPage, MergedRequest, MergedRow } from './api'
import { MergedFeed } from './mergedFeed'

const row = (at: number): MergedRow => ({ target_id: at % 3, line: Math.floor(at / 3) + 1, at_ms: at, data: '' })

/** `total` 行の、混ぜたログ。目印は行の番号。 */
class Host {
  total: number
  asked: MergedRequest[] = []

  constructor(total: number) {
    this.total = total
  }

  readonly fetch = (request: MergedRequest): Promise<MergedPage> => {
    this.asked.push(request)
    const { cursor, direction, count } = request
    const edge = cursor === null ? (direction === 'forward' ? 0 : this.total) : Number(cursor)
    const [from, to] = direction === 'forward' ? [edge, Math.min(this.total, edge + count)] : [Math.max(0, edge - count), edge]
    const rows = Array.from({ length: to - from }, (_, i) => row(from + i))
    return Promise.resolve({ rows, before: from === 0 ? null : String(from), after: rows.length === 0 ? cursor : String(to) })
  }
}

function feedOf(host: Host): { feed: MergedFeed; shifts: number[] } {
  const shifts: number[] = []
  return { feed: new MergedFeed(host.fetch, (shift) => shifts.push(shift)), shifts }
}

const times = (feed: MergedFeed): number[] => feed.rows.map((one) => one.at_ms)

describe('届いた順に混ぜたログ', () => {
  it('新しい側から開き、前へ読み足し、最初の行で止まる', async () => {
    const host = new Host(1200)
    const { feed, shifts } = feedOf(host)
    await feed.open(true)
    expect([feed.rows.length, times(feed)[0]]).toEqual([500, 700])
    expect(feed.hasBefore).toBe(true)
    await feed.older()
    await feed.older()
    await feed.older()
    expect(feed.hasBefore).toBe(false)
    expect([times(feed), shifts, host.asked.length]).toEqual([Array.from({ length: 1200 }, (_, i) => i), [0, 500, 200], 3])
  })

  it('閉じていない色は、同じサーバの次の行に続き、ほかのサーバの行には移らない', async () => {
    const texts = ['\x1b[31mred', 'other', 'x', 'still red\x1b[0m', 'other', 'x', 'plain']
    const rows = texts.map((text, at) => ({ ...row(at), data: btoa(text) }))
    const feed = new MergedFeed(() => Promise.resolve({ rows, before: null, after: '7' }), () => undefined)
    await feed.open(false)
    expect(feed.rows.map((one) => feed.startOf(one).fg !== null)).toEqual([false, false, false, true, false, false, false])
  })

  it('伸びた分だけを足す。増えていなければ、何も変えない', async () => {
    const host = new Host(3)
    const { feed, shifts } = feedOf(host)
    await feed.open(false)
    expect([await feed.newer(), feed.hasAfter, shifts]).toEqual([false, false, [0]])
    host.total = 5
    expect([await feed.newer(), times(feed)]).toEqual([false, [0, 1, 2, 3, 4]])
  })

  it('空から始まっても、伸びたら読める', async () => {
    const host = new Host(0)
    const { feed } = feedOf(host)
    await feed.open(true)
    host.total = 2
    await feed.newer()
    expect(times(feed)).toEqual([0, 1])
  })

  it('どこまで読んでも、持つ行には上限がある。捨てた側へ戻れる', async () => {
    const host = new Host(100_000)
    const { feed, shifts } = feedOf(host)
    await feed.open(false)
    for (let i = 0; i < 60; i += 1) await feed.newer()
    expect(feed.rows.length).toBeLessThanOrEqual(20_000)
    expect(times(feed)[0]).toBe(-shifts.reduce((sum, shift) => sum + shift, 0))
    const first = times(feed)[0]!
    await feed.older()
    expect([times(feed)[0], times(feed)[500]]).toEqual([first - 500, first])
  })

  it('読み足しの途中で開き直したら、遅れて届いた分は混ざらない', async () => {
    const host = new Host(5000)
    const { feed } = feedOf(host)
    await feed.open(false)
    const late = feed.newer()
    await feed.open(true)
    await late
    expect([times(feed)[0], times(feed).length]).toEqual([4500, 500])
  })
})
