import { describe, expect, it } from 'vitest'

import { randomKey, StartKeys } from './startKeys'

describe('実行を始める鍵', () => {
  it('答えが届くまでは同じ鍵、届いたら新しい鍵になる', () => {
    const keys = new StartKeys()
    const first = keys.take(1)
    expect(keys.take(1)).toBe(first)
    keys.answered(1)
    expect(keys.take(1)).not.toBe(first)
  })

  it('別のジョブの鍵とは混ざらない', () => {
    const keys = new StartKeys()
    expect(keys.take(1)).not.toBe(keys.take(2))
  })

  it('HTTPS でなくても使える文字だけの鍵を作る', () => {
    expect(randomKey()).toMatch(/^[0-9a-f]{32}$/)
  })
})
