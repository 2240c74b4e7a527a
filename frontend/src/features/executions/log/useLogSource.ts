import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

import { useStream } from '@/shared/composables/useStream'
import type { LogHandlers } from '@/shared/lib/streamMessages'

import { fetchLines } from './api'
import { LogSource, type LogStart } from './logSource'

/** 一度に送ってもらう遅れの上限。これより遅れたら、末尾へ飛ぶ。 */
const MAX_BEHIND = 262_144

interface UseLogSource {
  source: LogSource
  /** 中身が変わるたびに進む。描画一回につき、多くて一度。 */
  version: ShallowRef<number>
}

function overheard(handlers: LogHandlers, onTail: (bytes: Uint8Array | null) => void): LogHandlers {
  return {
    ...handlers,
    onData: (offset, bytes) => {
      handlers.onData(offset, bytes)
      onTail(bytes)
    },
    onSkip: (position) => {
      handlers.onSkip(position)
      onTail(null)
    },
    onEnd: (end) => {
      handlers.onEnd(end)
      onTail(null)
    },
  }
}

/** `onTail` は、新しく届いたバイト列。飛ばされて分からないときと、終わったときは `null`。 */
export function useLogSource(targetId: number, start: LogStart, onTail: (bytes: Uint8Array | null) => void): UseLogSource {
  const stream = useStream()
  const version = shallowRef(0)
  let frame = 0

  function changed(): void {
    if (frame !== 0) return
    frame = requestAnimationFrame(() => {
      frame = 0
      version.value += 1
    })
  }

  const source = new LogSource(
    {
      lines: (from, count, signal) => fetchLines(targetId, from, count, signal),
      subscribe: (fromByte, handlers) => stream.subscribeLog({ targetId, fromByte, maxBehind: MAX_BEHIND }, overheard(handlers, onTail)),
    },
    start,
    changed,
  )
  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    source.close()
  })
  return { source, version }
}
