import type {
  ExecutionDelta,
  ExecutionRead,
  ExecutionSummary,
  LogEnd,
  LogPosition,
  RoomChanged,
  StreamClientMessageWebhookPayload,
  StreamProblem,
  StreamServerMessageWebhookPayload,
  TargetRead,
} from '@/api'

export type ServerMessage = StreamServerMessageWebhookPayload
export type ClientMessage = StreamClientMessageWebhookPayload

export interface LogHandlers {
  /** 届いたバイト列と、その最初のバイトの位置。 */
  onData: (offset: number, bytes: Uint8Array) => void
  /** 遅れすぎたので、ここまで飛ばされた。続きは `log_bytes` から届く。 */
  onSkip: (position: LogPosition) => void
  onEnd: (end: LogEnd) => void
  onProblem?: (problem: StreamProblem) => void
}

export interface LogRequest {
  targetId: number
  fromByte: number
  maxBehind?: number
}

export type Execution = ExecutionRead
export type ExecutionRow = ExecutionSummary
export type Change = Pick<RoomChanged, 'room' | 'entity_id'>

/** 変わったところだけを替えた姿。変わらない対象は、前と同じものを指すので、描き直されない。 */
export function applyDelta(held: Execution, delta: ExecutionDelta): Execution {
  return { ...held, ...delta.execution, queue: delta.queue, targets: replaceTargets(held.targets, delta.targets) }
}

function replaceTargets(held: TargetRead[], changed: TargetRead[]): TargetRead[] {
  if (changed.length === 0) return held
  const fresh = new Map(changed.map((target) => [target.position, target]))
  return held.map((target) => fresh.get(target.position) ?? target)
}

const HEADER_BYTES = 12

export interface LogFrame {
  id: number
  offset: number
  bytes: Uint8Array
}

/** 二進の枠: u32 BE 購読の番号、u64 BE 最初のバイトの位置、ログのバイト列。 */
export function parseLogFrame(data: ArrayBuffer): LogFrame | null {
  if (data.byteLength < HEADER_BYTES) return null
  const view = new DataView(data)
  return { id: view.getUint32(0), offset: Number(view.getBigUint64(4)), bytes: new Uint8Array(data, HEADER_BYTES) }
}
