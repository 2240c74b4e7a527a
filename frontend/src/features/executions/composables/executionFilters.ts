import type { LocationQuery, LocationQueryRaw } from 'vue-router'
import type { ExecutionState, ExecutionSummary } from '@/api'

/** 一覧の絞り込み。時刻は ISO 8601(`from` 以上、`to` 未満)。 */
export interface ExecutionFilters {
  states: ExecutionState[]
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
  'succeeded',
  'failed',
  'partially_failed',
  'cancelled',
  'timed_out',
  'lost',
]

export function noFilters(): ExecutionFilters {
  return { states: [], jobId: null, serverId: null, userId: null, from: null, to: null }
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

/**
 * 流れてきた行が絞り込みに合うか。
 *
 * 行はサーバを知らないので、サーバで絞っているときは `null`(分からない。読み直すこと)。
 */
export function matches(row: ExecutionSummary, filters: ExecutionFilters): boolean | null {
  if (filters.states.length > 0 && !filters.states.includes(row.state)) return false
  if (filters.jobId !== null && row.job_id !== filters.jobId) return false
  if (filters.userId !== null && row.requested_by_id !== filters.userId) return false
  const created = Date.parse(row.created_at)
  if (filters.from !== null && created < Date.parse(filters.from)) return false
  if (filters.to !== null && created >= Date.parse(filters.to)) return false
  return filters.serverId === null ? true : null
}
