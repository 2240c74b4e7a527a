import type { ExecutionSummary, TargetRead } from '@/api'

/** 試験のための一行。 */
export function executionSummary(change: Partial<ExecutionSummary> = {}): ExecutionSummary {
  return {
    id: 1,
    job_id: 1,
    job_name: 'hello',
    state: 'running',
    state_counts: { running: 1 },
    target_count: 1,
    requested_by_id: 1,
    requested_by_name: 'admin',
    rerun_of: null,
    cancel_requested_at: null,
    cancel_requested_by_name: null,
    created_at: '2026-11-01T00:00:00Z',
    started_at: '2026-11-01T00:00:01Z',
    finished_at: null,
    ...change,
  }
}

/** 試験のための対象。 */
export function targetRead(change: Partial<TargetRead> = {}): TargetRead {
  return {
    id: 1,
    execution_id: 1,
    server_id: 1,
    server_name: 'web-1',
    state: 'running',
    reason: null,
    detail: '',
    exit_code: null,
    log_bytes: 0,
    log_lines: 0,
    survivors: [],
    queued_at: '2026-11-01T00:00:00Z',
    started_at: '2026-11-01T00:00:01Z',
    finished_at: null,
    ...change,
  }
}
