import type { TargetRead } from '@/api'

/** ログの持ち主。 */
export type LogSubject = Pick<TargetRead, 'id' | 'execution_id' | 'server_name' | 'state' | 'log_lines' | 'log_gap' | 'log_archived' | 'started_at'>
