import { describe, expect, it } from 'vitest'

import { targetRead } from '../testing'
import { countStates, filterTargets } from './targetFilter'

const targets = [
  targetRead({ id: 1, server_name: 'web-1', state: 'succeeded' }),
  targetRead({ id: 2, server_name: 'Web-2', state: 'failed' }),
  targetRead({ id: 3, server_name: 'db-1', state: 'succeeded' }),
]

describe('対象の絞り込み', () => {
  it('状態ごとに数え、失敗を先に並べる', () => {
    expect(countStates(targets, null)).toEqual([{ state: 'failed', count: 1 }, { state: 'succeeded', count: 2 }])
  })

  it('選んでいる状態は、なくなっても 0 として残る', () => {
    expect(countStates(targets, 'running')[1]).toEqual({ state: 'running', count: 0 })
  })

  it('状態と名前(大文字と小文字は区別しない)の両方で絞る', () => {
    const ids = (...args: Parameters<typeof filterTargets>): number[] => filterTargets(...args).map((target) => target.id)
    expect(ids(targets, null, '')).toEqual([1, 2, 3])
    expect(ids(targets, 'succeeded', '')).toEqual([1, 3])
    expect(ids(targets, null, ' WEB ')).toEqual([1, 2])
    expect(ids(targets, 'failed', 'db')).toEqual([])
  })
})
