import type { ExecutionSummary, TargetRead } from '@/api'

/** 試験のための一行。 */
export function executionSummary(change: Partial<ExecutionSummary> = {}): ExecutionSummary {
  return {
    id: 1,
    project_id: 1,
    kind: 'job',
    job_id: 1,
    job_name: 'hello',
    state: 'running',
    state_counts: { running: 1 },
    target_count: 1,
    requested_by_id: 1,
    requested_by_name: 'admin',
    rerun_of: null,
    priority: 0,
    queued_at: '2026-11-01T00:00:00Z',
    paused_at: null,
    paused_reason: null,
    paused_by_name: null,
    cancel_requested_at: null,
    cancel_requested_by_name: null,
    cancel_reason: null,
    created_at: '2026-11-01T00:00:00Z',
    started_at: '2026-11-01T00:00:01Z',
    finished_at: null,
    pinned_at: null,
    pinned_by_name: null,
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
    position: 0,
    attempt: 1,
    latest: true,
    wave: 0,
    not_before: null,
    state: 'running',
    reason: null,
    detail: '',
    exit_code: null,
    log_bytes: 0,
    log_lines: 0,
    log_masked: 0,
    log_gap: null,
    log_archived: false,
    survivors: [],
    queued_at: '2026-11-01T00:00:00Z',
    started_at: '2026-11-01T00:00:01Z',
    finished_at: null,
    earlier_attempts: [],
    ...change,
  }
}
