import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { asProblem, type ApiProblem } from '@/api'

export interface Resource<T> {
  data: ShallowRef<T | undefined>
  problem: ShallowRef<ApiProblem | null>
  loading: Ref<boolean>
  reload: () => Promise<void>
}

/**
 * 一つのものを読み込む。読み直しの間も前の中身を見せ、古い返事は捨てる。
 *
 * 画面を離れると、待っている通信をやめる。
 */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const data = shallowRef<T>()
  const problem = shallowRef<ApiProblem | null>(null)
  const loading = ref(false)
  let running: AbortController | undefined

  async function reload(): Promise<void> {
    running?.abort()
    const mine = new AbortController()
    running = mine
    loading.value = true
    try {
      const answer = await load(mine.signal)
      if (mine.signal.aborted) return
      data.value = answer
      problem.value = null
    } catch (error) {
      if (!mine.signal.aborted) problem.value = asProblem(error)
    } finally {
      if (running === mine) loading.value = false
    }
  }

  onScopeDispose(() => running?.abort())
  return { data, problem, loading, reload }
}
