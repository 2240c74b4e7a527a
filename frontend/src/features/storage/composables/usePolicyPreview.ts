import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'

import type { PolicyInput, PreviewRead } from '@/api'
import { asProblem, type ApiProblem } from '@/api'

import { previewPolicy, type PolicyPlace } from '../api'

const PAUSE_MS = 300

interface UsePolicyPreview {
  /** 今の書式で消えるもの。数え終わるまでは `undefined`。 */
  preview: ShallowRef<PreviewRead | undefined>
  problem: ShallowRef<ApiProblem | null>
}

/** 打つ手が止まるたびに数え直す。古い返事は捨てる。 */
export function usePolicyPreview(place: () => PolicyPlace, policy: () => PolicyInput | null): UsePolicyPreview {
  const preview = shallowRef<PreviewRead>()
  const problem = shallowRef<ApiProblem | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined

  async function count(proposed: PolicyInput): Promise<void> {
    const mine = new AbortController()
    running = mine
    try {
      const answer = await previewPolicy(place(), proposed, mine.signal)
      if (!mine.signal.aborted) preview.value = answer
    } catch (error) {
      if (!mine.signal.aborted) problem.value = asProblem(error)
    }
  }

  function stop(): void {
    clearTimeout(timer)
    running?.abort()
  }

  watch(() => JSON.stringify([place(), policy()]), () => {
    stop()
    preview.value = undefined
    problem.value = null
    const proposed = policy()
    if (proposed !== null) timer = setTimeout(() => void count(proposed), PAUSE_MS)
  }, { immediate: true })
  onScopeDispose(stop)
  return { preview, problem }
}
