import { inject, onScopeDispose, type InjectionKey } from 'vue'

import type { StreamSocket } from '@/shared/lib/socket'
import type { Change, Execution, ExecutionRow } from '@/shared/lib/streamMessages'

export const streamKey: InjectionKey<StreamSocket> = Symbol('stream')

/** タブに一つの接続。App が渡す。 */
export function useStream(): StreamSocket {
  const stream = inject(streamKey)
  if (!stream) throw new Error('stream is not provided')
  return stream
}

/** 一つの実行が変わるたびに、今の全部が届く。変わらない対象は、前と同じものを指す。画面を離れるとやめる。 */
export function useExecutionStream(executionId: number, onChange: (execution: Execution) => void): void {
  onScopeDispose(useStream().subscribeExecution(executionId, onChange))
}

/** 変わった実行の行が届く。つなぎ直した後は `onResync`。 */
export function useExecutionsStream(onChange: (rows: ExecutionRow[]) => void, onResync?: () => void): void {
  onScopeDispose(useStream().subscribeExecutions(onChange, onResync))
}

/** サーバ・ジョブ・認証情報のどれかが変わった。つなぎ直した後は `onResync`。 */
export function useChangesStream(onChange: (change: Change) => void, onResync?: () => void): void {
  onScopeDispose(useStream().subscribeChanges(onChange, onResync))
}
