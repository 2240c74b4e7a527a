import { describe, expect, it } from 'vitest'

import { DEFAULT_POLICIES, exitCodesOf, formFromPolicies, isShare, policiesFromForm, type Policies } from './policyForm'

const full: Policies = {
  strategy: { max_parallel: 5, waves: ['1', '10%'], max_failures: '20%', on_failures: 'pause', pause_between_waves: true },
  retry: { max_attempts: 4, delay_s: 5, factor: 1.5, max_delay_s: 60, jitter: 0.35, on: ['connect', 'lost'], exit_codes: [1, 75] },
  queueing: { priority: -5, concurrency_limit: 1, when_full: 'replace' },
}

describe('動かし方の入力', () => {
  it.each([['決めたもの', full], ['初めの値', DEFAULT_POLICIES]])('%s は、読んで保存しても変わらない', (_, policies) => {
    expect(policiesFromForm(formFromPolicies(policies))).toEqual(policies)
  })

  it('空にした数は、上限なしか、初めの値になる', () => {
    const form = { ...formFromPolicies(full), maxParallel: ' ', maxFailures: '', concurrencyLimit: '', delay: '', priority: '' }
    expect(policiesFromForm(form)).toMatchObject({
      strategy: { max_parallel: null, max_failures: null },
      retry: { delay_s: 10 },
      queueing: { concurrency_limit: null, priority: 0 },
    })
  })

  it('終了コードは、空白でも読点でも区切れる', () => {
    expect(exitCodesOf(' 1, 75、2 3 ')).toEqual([1, 75, 2, 3])
    expect(exitCodesOf('')).toEqual([])
    expect(exitCodesOf('x')).toEqual([NaN])
  })

  it('波の大きさは、1 以上の台数か 100% までの割合', () => {
    expect(['1', '10%', ' 3 ', '100%'].every((wave) => isShare(wave, 1))).toBe(true)
    expect(['0', '0%', '101%', '-1', 'all', '', '1.5'].some((wave) => isShare(wave, 1))).toBe(false)
    expect(isShare('0', 0)).toBe(true)
  })
})
