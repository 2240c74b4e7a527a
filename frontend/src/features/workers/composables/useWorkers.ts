import { onMounted, onScopeDispose, type ShallowRef } from 'vue'

import type { ApiProblem, WorkerList } from '@/api'
import { useResource } from '@/shared/composables/useResource'
import { useRoomChanges } from '@/shared/composables/useRoomChanges'

import { fetchWorkers } from '../api'

/** 心拍と負荷は合図なしに変わるので、心拍と同じ間隔で読み直す。 */
const POLL_MS = 2000

interface UseWorkers {
  workers: ShallowRef<WorkerList | undefined>
  problem: ShallowRef<ApiProblem | null>
  reload: () => Promise<void>
}

export function useWorkers(): UseWorkers {
  const { data: workers, problem, reload } = useResource((signal) => fetchWorkers(signal))
  let timer: ReturnType<typeof setTimeout> | undefined
  let left = false

  async function poll(): Promise<void> {
    // 隠れている画面のために、サーバへ尋ね続けない
    if (!document.hidden) await reload()
    if (!left) timer = setTimeout(() => void poll(), POLL_MS)
  }

  onMounted(poll)
  useRoomChanges('workers', () => void reload())
  onScopeDispose(() => {
    left = true
    clearTimeout(timer)
  })
  return { workers, problem, reload }
}
