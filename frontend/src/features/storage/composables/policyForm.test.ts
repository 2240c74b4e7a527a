import { describe, expect, it } from 'vitest'

import type { PolicyInput, PolicyRead } from '@/api'

import { formFromPolicy, policyFromForm, ruling } from './policyForm'

const policy = (change: Partial<PolicyInput> = {}): PolicyInput => ({
  archive_after_days: 7,
  keep_days: null,
  keep_executions: null,
  ...change,
})

describe('policyForm', () => {
  it.each([
    policy(),
    policy({ archive_after_days: null }),
    policy({ archive_after_days: 0, keep_days: 30 }),
    policy({ keep_executions: 100 }),
    policy({ keep_days: 1, keep_executions: 1 }),
  ])('決まりを書式にして戻しても変わらない(%o)', (kept) => {
    expect(policyFromForm(formFromPolicy(kept))).toEqual(kept)
  })

  it.each([
    { limited: true, keepDays: '', keepExecutions: '' },
    { limited: true, keepDays: '0' },
    { limited: true, keepDays: '3.5' },
    { limited: true, keepDays: '', keepExecutions: '-1' },
    { archive: true, archiveAfterDays: '' },
  ])('書き終えていないあいだは、決まりにしない(%o)', (change) => {
    expect(policyFromForm({ ...formFromPolicy(policy()), ...change })).toBeNull()
  })

  it('狭い決まりが広い決まりに勝つ', () => {
    const read = (scope: PolicyRead['scope'], id: number | null): PolicyRead => ({
      ...policy(), scope, id, name: '', updated_at: '2026-11-01T00:00:00Z', updated_by_name: 'admin',
    })
    const everywhere = read('global', null)
    const project = read('project', 1)
    const job = read('job', 5)
    expect(ruling([everywhere, project, job], 5)).toBe(job)
    expect(ruling([everywhere, project, job], 6)).toBe(project)
    expect(ruling([everywhere, job], 6)).toBe(everywhere)
  })
})
