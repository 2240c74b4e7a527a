import { describe, expect, it } from 'vitest'

import type { TokenPresets } from '@/api'

import { presetOf } from './presets'

const presets: TokenPresets = {
  read_only: ['job:read', 'server:read'],
  run: ['job:read', 'server:read', 'execution:start'],
  all: ['job:read', 'server:read', 'execution:start', 'job:write'],
}

describe('権限の組', () => {
  it('並びが違っても、同じ組と分かる', () => {
    expect(presetOf(['server:read', 'job:read'], presets)).toBe('read_only')
    expect(presetOf(['execution:start', 'job:read', 'server:read'], presets)).toBe('run')
  })

  it('一つ足りなくても多くても、自分で選んだ組', () => {
    expect(presetOf(['job:read'], presets)).toBe('custom')
    expect(presetOf(['job:read', 'job:write'], presets)).toBe('custom')
  })
})
