import type { JobInput, JobRead } from '@/api'

import * as api from './api'

export { deleteJob, duplicateJob } from './api'

/** 読んだジョブを、保存する形に戻す。一部だけを変えて保存するため。 */
export function inputFromJob(job: JobRead): JobInput {
  return {
    name: job.name,
    description: job.description,
    kind: job.kind,
    script: job.script,
    interpreter: job.interpreter,
    server_ids: job.servers.map((server) => server.id),
    selector: job.selector,
    env: job.env,
    working_directory: job.working_directory,
    timeout_s: job.timeout_s,
    strategy: job.strategy,
    retry: job.retry,
    queueing: job.queueing,
    stop_without_contact_s: job.stop_without_contact_s,
    max_log_bytes: job.max_log_bytes,
    enabled: job.enabled,
  }
}

export function setEnabled(job: JobRead, enabled: boolean): Promise<JobRead> {
  return api.updateJob(job.id, { ...inputFromJob(job), enabled }, job.version)
}
