import { describe, expect, it } from 'vitest'

import { ApiProblem } from '@/api'

import { BroadSearch, type BroadState } from './broadSearch'

const body = (...messages: unknown[]): ReadableStream<Uint8Array> =>
  new Response(messages.map((message) => `${JSON.stringify(message)}\n`).join('')).body as ReadableStream<Uint8Array>
const match = (targetId: number, line: number): unknown => ({
  type: 'match', line, byte: 0, start: 0, end: 1, text: 'x', text_start: 0, target_id: targetId, server_name: `web-${targetId}`,
})

describe('いくつものログの検索', () => {
  it('サーバごとにまとめ、持ち切れない分は数で言う', async () => {
    let last: BroadState | null = null
    const search = new BroadSearch((state) => (last = state))
    await search.start(() => Promise.resolve(body(
      match(1, 3), match(1, 9), { type: 'target', target_id: 1, matches: 70 }, match(2, 1), { type: 'target', target_id: 2, matches: 1 },
      { type: 'progress', bytes: 10, total: 10, matches: 71 }, { type: 'end', matches: 71, truncated: false },
    )))
    expect(last).toMatchObject({ running: false, count: 71, problem: null })
    expect(last!.groups.map((group) => [group.serverName, group.hits.map((hit) => hit.line), group.count])).toEqual([['web-1', [3, 9], 70], ['web-2', [1], 1]])
  })

  it('探し直すと、前のものは消える。失敗は伝える', async () => {
    const seen: BroadState[] = []
    const search = new BroadSearch((state) => seen.push(state))
    await search.start(() => Promise.resolve(body(match(1, 3))))
    await search.start(() => Promise.reject(new ApiProblem({ code: 'search_pattern_invalid', status: 422 })))
    expect([seen.at(-1)?.groups, seen.at(-1)?.problem?.code, seen.at(-1)?.running]).toEqual([[], 'search_pattern_invalid', false])
  })
})
