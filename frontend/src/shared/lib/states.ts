import {
  mdiAlertCircle,
  mdiCancel,
  mdiCheckCircle,
  mdiCircleHalfFull,
  mdiClockAlert,
  mdiClockOutline,
  mdiDebugStepOver,
  mdiHelpCircle,
  mdiLanDisconnect,
  mdiPauseCircle,
  mdiPlayCircle,
  mdiProgressClock,
} from '@mdi/js'

import type { ExecutionState, TargetState } from '@/api'

export type RunState = ExecutionState | TargetState

interface Look {
  icon: string
  color: string
}

// 色だけに頼らない。形の違う印と言葉を必ず添える
export const STATE_LOOKS: Readonly<Record<RunState, Look>> = {
  queued: { icon: mdiClockOutline, color: 'secondary' },
  starting: { icon: mdiProgressClock, color: 'info' },
  running: { icon: mdiPlayCircle, color: 'primary' },
  paused: { icon: mdiPauseCircle, color: 'warning' },
  disconnected: { icon: mdiLanDisconnect, color: 'warning' },
  succeeded: { icon: mdiCheckCircle, color: 'success' },
  failed: { icon: mdiAlertCircle, color: 'error' },
  partially_failed: { icon: mdiCircleHalfFull, color: 'error' },
  cancelled: { icon: mdiCancel, color: 'secondary' },
  timed_out: { icon: mdiClockAlert, color: 'error' },
  lost: { icon: mdiHelpCircle, color: 'error' },
  skipped: { icon: mdiDebugStepOver, color: 'secondary' },
}

const GOING: ReadonlySet<RunState> = new Set(['queued', 'starting', 'running', 'paused', 'disconnected'])

/** もう変わらない状態か。 */
export function isFinished(state: RunState): boolean {
  return !GOING.has(state)
}
