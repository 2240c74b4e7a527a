import type { DashboardRead, JobPage, ServerPage } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchDashboard(signal?: AbortSignal): Promise<DashboardRead> {
  return unwrap(sdk.getDashboard({ signal }))
}

export function fetchJobs(signal?: AbortSignal): Promise<JobPage> {
  return unwrap(sdk.listJobs({ query: { limit: 100 }, signal }))
}

export function fetchServers(signal?: AbortSignal): Promise<ServerPage> {
  return unwrap(sdk.listServers({ query: { limit: 100 }, signal }))
}
