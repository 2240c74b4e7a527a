import { describe, expect, it } from 'vitest'

import { HitList, stepHit } from './hitList'

function hitsOn(...lines: number[]): HitList {
  const hits = new HitList()
  for (const line of lines) hits.add({ line, byte: line * 10, matched: 'x', text: 'x' })
  return hits
}

describe('次と前へ', () => {
  const hits = hitsOn(5, 50, 51, 900)
  const window = { first: 48, last: 60 }

  it('初めは、見えているところの最初(最後)から', () => {
    expect([stepHit(hits, null, window, 1), stepHit(hits, null, window, -1)]).toEqual([1, 2])
  })

  it('今いるところが見えていれば、その隣', () => {
    expect([stepHit(hits, 1, window, 1), stepHit(hits, 1, window, -1)]).toEqual([2, 0])
  })

  it('離れたら、見えているところから数え直す', () => {
    expect(stepHit(hits, 3, window, 1)).toBe(1)
  })

  it('端の次は反対の端。無ければ動かない', () => {
    expect([stepHit(hits, null, { first: 901, last: 950 }, 1), stepHit(hits, null, { first: 1, last: 4 }, -1)]).toEqual([0, 3])
    expect(stepHit(hitsOn(), null, window, 1)).toBeNull()
  })
})
