import { describe, expect, it } from 'vitest'
import { firstSteps } from './firstSteps'

const nothing = { credentialCount: 0, serverCount: 0, jobCount: 0, approvedServer: false, hasRun: false }

describe('最初の五歩', () => {
  it('何もなければ、認証情報が次の一歩', () => {
    const steps = firstSteps(nothing)
    expect(steps.filter((step) => step.done)).toEqual([])
    expect(steps.find((step) => step.current)?.step).toBe('credential')
  })

  it('順を飛ばしても、済んでいない最初の歩を示す', () => {
    const steps = firstSteps({ ...nothing, credentialCount: 1, serverCount: 1, jobCount: 1 })
    expect(steps.find((step) => step.current)?.step).toBe('hostKey')
    expect(steps.filter((step) => step.done).map((step) => step.step)).toEqual(['credential', 'server', 'job'])
  })

  it('全部済めば、次の一歩はない', () => {
    const steps = firstSteps({ credentialCount: 1, serverCount: 1, jobCount: 1, approvedServer: true, hasRun: true })
    expect(steps.every((step) => step.done)).toBe(true)
    expect(steps.some((step) => step.current)).toBe(false)
  })
})
