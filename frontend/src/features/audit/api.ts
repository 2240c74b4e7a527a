import type { AuditChainRead, AuditPage, UserOption } from '@/api'
import { fetchBytes, unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

import type { AuditQuery } from './composables/auditFilters'

export function fetchEvents(query: AuditQuery, page: { cursor: string | null; limit: number }, signal?: AbortSignal): Promise<AuditPage> {
  return unwrap(sdk.listAuditEvents({ query: { ...query, ...page }, signal }))
}

export async function fetchActions(signal?: AbortSignal): Promise<string[]> {
  return (await unwrap(sdk.listAuditActions({ signal }))).items
}

export async function fetchPeople(signal?: AbortSignal): Promise<UserOption[]> {
  return (await unwrap(sdk.listUsers({ signal }))).items
}

export function fetchChain(signal?: AbortSignal): Promise<AuditChainRead> {
  return unwrap(sdk.getAuditChain({ signal }))
}

export function verifyChain(): Promise<AuditChainRead> {
  return unwrap(sdk.verifyAuditChain())
}

export function saveRetention(keepDays: number | null): Promise<AuditChainRead> {
  return unwrap(sdk.setAuditRetention({ body: { keep_days: keepDays } }))
}

/** 絞り込んだ全部(JSON Lines)。届くそばから読める返事。 */
export async function exportEvents(query: AuditQuery): Promise<Response> {
  const given = Object.entries(query).filter((entry): entry is [string, string | number] => entry[1] !== null && entry[1] !== '')
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return fetchBytes(`/api/v1/audit/export?${search}`)
}
