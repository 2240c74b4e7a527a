import type { Outcome } from '@/api'

/** URL にある形のままの絞り込み。`subject` は「job」か「job:7」。 */
export type AuditFilters = Record<'q' | 'user' | 'action' | 'subject' | 'project' | 'outcome' | 'from' | 'to', string>

export const NO_FILTERS: AuditFilters = { q: '', user: '', action: '', subject: '', project: '', outcome: '', from: '', to: '' }

export interface AuditQuery {
  q: string
  actor_id: number | null
  action: string | null
  subject_type: string | null
  subject_id: number | null
  project_id: number | null
  outcome: Outcome | null
  from: string | null
  to: string | null
}

const positive = (text: string | undefined): number | null => {
  const number = Number(text)
  return text !== undefined && Number.isSafeInteger(number) && number > 0 ? number : null
}
const moment = (text: string): string | null => (text === '' || Number.isNaN(Date.parse(text)) ? null : text)

/** API に送る形。手で書き換えられた値は黙って捨てる(壊れた URL でも一覧は開ける)。 */
export function toQuery(filters: AuditFilters): AuditQuery {
  const [type, id] = filters.subject.split(':')
  return {
    q: filters.q.trim(),
    actor_id: positive(filters.user),
    action: filters.action || null,
    subject_type: type || null,
    subject_id: positive(id),
    project_id: positive(filters.project),
    outcome: filters.outcome === 'done' || filters.outcome === 'refused' ? filters.outcome : null,
    from: moment(filters.from),
    to: moment(filters.to),
  }
}
