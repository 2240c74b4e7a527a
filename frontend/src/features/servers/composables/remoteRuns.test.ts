import { describe, expect, it } from 'vitest'

import type { RemoteRunRead } from '@/api'

import { isFree, isOrphan } from './remoteRuns'

const run = (state: 'running' | 'lost' | null): RemoteRunRead => ({
  run_id: 'a',
  directory: '/x',
  state: 'running',
  size: 1,
  age_s: null,
  owner: state === null ? null : { target_id: 1, execution_id: 2, state },
})

describe('サーバに残った走り', () => {
  it.each([
    [null, true, true],
    ['lost', false, true],
    ['running', false, false],
  ] as const)('持ち主の状態が %s なら、持ち主不明は %s、片付けてよいは %s', (state, orphan, free) => {
    expect(isOrphan(run(state))).toBe(orphan)
    expect(isFree(run(state))).toBe(free)
  })
})
