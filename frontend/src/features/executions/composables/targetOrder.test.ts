import { describe, expect, it } from 'vitest'
import { targetRead } from '../testing'
import { orderTargets, pickTarget } from './targetOrder'

const targets = [
  targetRead({ id: 1, server_name: 'web-10', state: 'succeeded' }),
  targetRead({ id: 2, server_name: 'web-2', state: 'succeeded' }),
  targetRead({ id: 3, server_name: 'db', state: 'running' }),
  targetRead({ id: 4, server_name: 'zeta', state: 'failed' }),
]

describe('対象の並び', () => {
  it('失敗が先、次に動いているもの、同じ状態なら数字の順', () => {
    expect(orderTargets(targets).map((target) => target.id)).toEqual([4, 3, 2, 1])
  })

  it('元の並びを書き換えない', () => {
    orderTargets(targets)
    expect(targets.map((target) => target.id)).toEqual([1, 2, 3, 4])
  })

  it('URL の対象を選び、なければ先頭を選ぶ', () => {
    const ordered = orderTargets(targets)
    expect(pickTarget(ordered, '2')?.id).toBe(2)
    expect(pickTarget(ordered, '99')?.id).toBe(4)
    expect(pickTarget(ordered, undefined)?.id).toBe(4)
    expect(pickTarget([], '1')).toBeUndefined()
  })
})
