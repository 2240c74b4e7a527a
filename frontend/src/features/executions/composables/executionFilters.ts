import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { ExecutionKind, ExecutionState, ExecutionSummary } from '@/api'

/** 一覧の絞り込み。時刻は ISO 8601(`from` 以上、`to` 未満)。 */
export interface ExecutionFilters {
  states: ExecutionState[]
  kind: ExecutionKind | null
  jobId: number | null
  serverId: number | null
  userId: number | null
  from: string | null
  to: string | null
}

/** 重い順ではなく、人が探す順。 */
export const EXECUTION_STATES: readonly ExecutionState[] = [
  'queued',
  'running',
  'paused',
  'succeeded',
  'failed',
  'partially_failed',
  'cancelled',
  'timed_out',
  'lost',
  'skipped',
]

export const EXECUTION_KINDS: readonly ExecutionKind[] = ['job', 'ad_hoc']

export function noFilters(): ExecutionFilters {
  return { states: [], kind: null, jobId: null, serverId: null, userId: null, from: null, to: null }
}

function values(query: LocationQuery, key: string): string[] {
  const value = query[key]
  return (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string')
}

function positive(query: LocationQuery, key: string): number | null {
  const number = Number(values(query, key)[0])
  return Number.isInteger(number) && number > 0 ? number : null
}

function moment(query: LocationQuery, key: string): string | null {
  const text = values(query, key)[0]
  if (text === undefined) return null
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** URL から読む。手で書き換えられた値は黙って捨てる(壊れた URL でも一覧は開ける)。 */
export function filtersFromQuery(query: LocationQuery): ExecutionFilters {
  const wanted = new Set(values(query, 'state'))
  return {
    states: EXECUTION_STATES.filter((state) => wanted.has(state)),
    kind: EXECUTION_KINDS.find((kind) => kind === values(query, 'kind')[0]) ?? null,
    jobId: positive(query, 'job'),
    serverId: positive(query, 'server'),
    userId: positive(query, 'user'),
    from: moment(query, 'from'),
    to: moment(query, 'to'),
  }
}

/** URL へ書く。空の項目は書かない。 */
export function queryFromFilters(filters: ExecutionFilters): LocationQueryRaw {
  const query: LocationQueryRaw = {}
  if (filters.states.length > 0) query.state = [...filters.states]
  if (filters.kind !== null) query.kind = filters.kind
  if (filters.jobId !== null) query.job = String(filters.jobId)
  if (filters.serverId !== null) query.server = String(filters.serverId)
  if (filters.userId !== null) query.user = String(filters.userId)
  if (filters.from !== null) query.from = filters.from
  if (filters.to !== null) query.to = filters.to
  return query
}

export function countFilters(filters: ExecutionFilters): number {
  return Object.keys(queryFromFilters(filters)).length
}

function within(created: number, { from, to }: ExecutionFilters): boolean {
  return (from === null || created >= Date.parse(from)) && (to === null || created < Date.parse(to))
}

/**
 * 流れてきた行が絞り込みに合うか。
 *
 * 行はサーバを知らないので、サーバで絞っているときは `null`(分からない。読み直すこと)。
 */
export function matches(row: ExecutionSummary, filters: ExecutionFilters): boolean | null {
  if (filters.states.length > 0 && !filters.states.includes(row.state)) return false
  if (filters.kind !== null && row.kind !== filters.kind) return false
  if (filters.jobId !== null && row.job_id !== filters.jobId) return false
  if (filters.userId !== null && row.requested_by_id !== filters.userId) return false
  if (!within(Date.parse(row.created_at), filters)) return false
  return filters.serverId === null ? true : null
}
