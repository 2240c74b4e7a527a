import type { PolicyInput, PolicyRead } from '@/api'

/** 入力の途中を持てるよう、数は打ったままの文字で持つ。空は「決めない」。 */
export interface PolicyForm {
  archive: boolean
  archiveAfterDays: string
  limited: boolean
  keepDays: string
  keepExecutions: string
}

export const MAX_DAYS = 36_500
export const MAX_EXECUTIONS = 1_000_000
const FIRST_DAYS = '90'
const FIRST_ARCHIVE_DAYS = '7'

const text = (value: number | null): string => (value === null ? '' : String(value))

export function formFromPolicy(policy: PolicyInput): PolicyForm {
  const limited = policy.keep_days !== null || policy.keep_executions !== null
  return {
    archive: policy.archive_after_days !== null,
    archiveAfterDays: text(policy.archive_after_days) || FIRST_ARCHIVE_DAYS,
    limited,
    keepDays: limited ? text(policy.keep_days) : FIRST_DAYS,
    keepExecutions: text(policy.keep_executions),
  }
}

function whole(written: string, least: number, most: number): number | null | undefined {
  const trimmed = written.trim()
  if (trimmed === '') return null
  if (!/^\d+$/.test(trimmed)) return undefined
  const value = Number(trimmed)
  return value >= least && value <= most ? value : undefined
}

export function isWhole(written: string, least: number, most: number): boolean {
  return whole(written, least, most) !== undefined
}

/** 書き終えていない(数でない、何も決めていない)なら `null`。 */
export function policyFromForm(form: PolicyForm): PolicyInput | null {
  const archiveAfterDays = form.archive ? whole(form.archiveAfterDays, 0, MAX_DAYS) : null
  const keepDays = form.limited ? whole(form.keepDays, 1, MAX_DAYS) : null
  const keepExecutions = form.limited ? whole(form.keepExecutions, 1, MAX_EXECUTIONS) : null
  if (archiveAfterDays === undefined || keepDays === undefined || keepExecutions === undefined) return null
  if (form.archive && archiveAfterDays === null) return null
  if (form.limited && keepDays === null && keepExecutions === null) return null
  return { archive_after_days: archiveAfterDays, keep_days: keepDays, keep_executions: keepExecutions }
}

/** そのジョブに効く決まり。狭いものが広いものに勝つ。 */
export function ruling(policies: readonly PolicyRead[], jobId: number): PolicyRead | undefined {
  const order = ['job', 'project', 'global'] as const
  for (const scope of order) {
    const found = policies.find((policy) => policy.scope === scope && (scope !== 'job' || policy.id === jobId))
    if (found) return found
  }
  return undefined
}
