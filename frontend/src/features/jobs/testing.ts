import type { JobRead } from '@/api'

/** 試験のためのジョブ。 */
export function jobRead(change: Partial<JobRead> = {}): JobRead {
  return {
    id: 1,
    name: 'hello',
    description: '',
    kind: 'script',
    script: 'echo hello\n',
    interpreter: null,
    servers: [{ id: 1, name: 'web-1' }],
    env: {},
    working_directory: null,
    timeout_s: null,
    stop_without_contact_s: null,
    enabled: true,
    last_execution: null,
    created_at: '2026-11-01T00:00:00Z',
    updated_at: '2026-11-01T00:00:00Z',
    version: 1,
    ...change,
  }
}
