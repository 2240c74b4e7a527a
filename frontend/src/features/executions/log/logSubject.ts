import type { TargetRead } from '@/api'

/** ログの持ち主。 */
export type LogSubject = Pick<TargetRead, 'id' | 'execution_id' | 'server_name' | 'state' | 'log_lines' | 'started_at'> & LogFacts

/** サーバの版が古ければ、無い。 */
interface LogFacts {
  log_gap?: { first_line: number; last_line: number; bytes: number } | null
  log_archived?: boolean
}

/** 残っていないところのバイト数。 */
export function gapBytes(subject: LogSubject): number | null {
  return subject.log_gap?.bytes ?? null
}

export function isArchived(subject: LogSubject): boolean {
  return subject.log_archived === true
}
