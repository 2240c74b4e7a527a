import type { DashboardRead, JobPage, ServerPage } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchDashboard(projectId: number | null, signal?: AbortSignal): Promise<DashboardRead> {
  return unwrap(sdk.getDashboard({ query: { project_id: projectId }, signal }))
}

export function fetchJobs(projectId: number | null, signal?: AbortSignal): Promise<JobPage> {
  return unwrap(sdk.listJobs({ query: { project_id: projectId, limit: 100 }, signal }))
}

export function fetchServers(projectId: number | null, signal?: AbortSignal): Promise<ServerPage> {
  return unwrap(sdk.listServers({ query: { project_id: projectId, limit: 100 }, signal }))
}
