import { describe, expect, it } from 'vitest'

import { ApiProblem } from '@/api'

import { BroadSearch, type BroadState } from './broadSearch'

const body = (...messages: unknown[]): ReadableStream<Uint8Array> =>
  new Response(messages.map((message) => `${JSON.stringify(message)}\n`).join('')).body as ReadableStream<Uint8Array>
const target = (id: number, matches: number): unknown => ({ type: 'target', target_id: id, execution_id: 7, server_name: `web-${id}`, matches })
const match = (targetId: number, line: number): unknown => ({
  type: 'match', line, byte: 0, start: 0, end: 1, text: 'x', text_start: 0, target_id: targetId, execution_id: 7, server_name: `web-${targetId}`,
})

describe('いくつものログの検索', () => {
  it('サーバごとにまとめ、持ち切れない分は数で言う', async () => {
    let last: BroadState | null = null
    const search = new BroadSearch((state) => (last = state))
    await search.start(() => Promise.resolve(body(
      match(1, 3), match(1, 9), target(1, 70), match(2, 1), target(2, 1),
      { type: 'progress', bytes: 10, total: 10, matches: 71 }, { type: 'end', matches: 71, truncated: false },
    )))
    expect(last).toMatchObject({ running: false, count: 71, problem: null })
    expect(last!.groups.map((group) => [group.serverName, group.hits.map((hit) => hit.line), group.count])).toEqual([['web-1', [3, 9], 70], ['web-2', [1], 1]])
  })

  it('一覧に入りきらなかったログも数で並び、求めれば続きを足す', async () => {
    let last: BroadState | null = null
    const search = new BroadSearch((state) => (last = state))
    await search.start(() => Promise.resolve(body(match(1, 3), target(1, 2), target(2, 0), target(3, 5), { type: 'end', matches: 7, truncated: false })))
    const asked: number[][] = []
    const more = (key: string, line: number): Promise<void> => search.more(key, (id, fromByte) => () => {
      asked.push([id, fromByte])
      return Promise.resolve(body(match(id, line), { type: 'end', matches: 1, truncated: false }))
    })
    await more('1', 8)
    await more('3', 4)
    expect(asked).toEqual([[1, 1], [3, 0]])
    expect(last!.groups.map((group) => [group.serverName, group.hits.map((hit) => hit.line), group.count])).toEqual([['web-1', [3, 8], 2], ['web-3', [4], 5]])
  })

  it('探し直すと、前のものは消える。失敗は伝える', async () => {
    const seen: BroadState[] = []
    const search = new BroadSearch((state) => seen.push(state))
    await search.start(() => Promise.resolve(body(match(1, 3))))
    await search.start(() => Promise.reject(new ApiProblem({ code: 'search_pattern_invalid', status: 422 })))
    expect([seen.at(-1)?.groups, seen.at(-1)?.problem?.code, seen.at(-1)?.running]).toEqual([[], 'search_pattern_invalid', false])
  })
})
