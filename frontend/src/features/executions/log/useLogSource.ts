import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

import { useStream } from '@/shared/composables/useStream'

import { fetchLines } from './api'
import { LogSource, type LogStart } from './logSource'

/** 一度に送ってもらう遅れの上限。これより遅れたら、末尾へ飛ぶ。 */
const MAX_BEHIND = 262_144

interface UseLogSource {
  source: LogSource
  /** 中身が変わるたびに進む。描画一回につき、多くて一度。 */
  version: ShallowRef<number>
}

export function useLogSource(targetId: number, start: LogStart): UseLogSource {
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
      subscribe: (fromByte, handlers) => stream.subscribeLog({ targetId, fromByte, maxBehind: MAX_BEHIND }, handlers),
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
