import type { JobCreate, JobInput, JobPage, JobRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export interface JobQuery {
  q: string
  enabled: boolean | null
  project_id: number | null
  cursor: string | null
  limit: number
}

export function fetchJobs(query: JobQuery, signal?: AbortSignal): Promise<JobPage> {
  return unwrap(sdk.listJobs({ query, signal }))
}

export function fetchJob(id: number, signal?: AbortSignal): Promise<JobRead> {
  return unwrap(sdk.getJob({ path: { job_id: id }, signal }))
}

export function createJob(body: JobCreate): Promise<JobRead> {
  return unwrap(sdk.createJob({ body }))
}

/** `version` は読んだときの版。`null` なら、ほかの人の変更を確かめずに上書きする。 */
export function updateJob(id: number, body: JobInput, version: number | null): Promise<JobRead> {
  const headers = version === null ? {} : { 'if-match': `"${version}"` }
  return unwrap(sdk.updateJob({ path: { job_id: id }, body, headers }))
}

export function duplicateJob(id: number, name: string): Promise<JobRead> {
  return unwrap(sdk.duplicateJob({ path: { job_id: id }, body: { name } }))
}

export async function deleteJob(id: number): Promise<void> {
  await unwrap(sdk.deleteJob({ path: { job_id: id } }))
}
