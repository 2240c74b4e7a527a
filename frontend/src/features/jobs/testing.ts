import type { JobRead } from '@/api'

/** 試験のためのジョブ。 */
export function jobRead(change: Partial<JobRead> = {}): JobRead {
  return {
    id: 1,
    project_id: 1,
    name: 'hello',
    description: '',
    kind: 'script',
    script: 'echo hello\n',
    interpreter: null,
    servers: [{ id: 1, name: 'web-1' }],
    selector: null,
    env: {},
    working_directory: null,
    timeout_s: null,
    stop_without_contact_s: null,
    max_log_bytes: 1_073_741_824,
    strategy: {
      max_parallel: null,
      waves: [],
      max_failures: null,
      on_failures: 'stop',
      pause_between_waves: false,
    },
    retry: {
      max_attempts: 1,
      delay_s: 10,
      factor: 2,
      max_delay_s: 300,
      jitter: 0.2,
      on: ['connect'],
      exit_codes: [],
    },
    queueing: { priority: 0, concurrency_limit: null, when_full: 'queue' },
    enabled: true,
    last_execution: null,
    created_at: '2026-11-01T00:00:00Z',
    updated_at: '2026-11-01T00:00:00Z',
    version: 1,
    ...change,
  }
}
