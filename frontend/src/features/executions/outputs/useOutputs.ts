import { computed, onScopeDispose, watch, type ComputedRef } from 'vue'

import type { ExecutionRead } from '@/api'
import { useResource, type Resource } from '@/shared/composables/useResource'
import { isFinished } from '@/shared/lib/states'

import { fetchOutputs } from './api'
import { summarize, withTargets, type OutputGroup, type OutputSummary } from './outputGroups'

const GATHER_MS = 1000

interface UseOutputs extends Pick<Resource<unknown>, 'problem' | 'loading' | 'reload'> {
  groups: ComputedRef<OutputGroup[]>
  summary: ComputedRef<OutputSummary>
  running: ComputedRef<number>
  pending: ComputedRef<number>
  loaded: ComputedRef<boolean>
}

/** 同じ出力のまとめ。対象が終わるたび、`shown` のあいだだけ、まとめ直す。 */
export function useOutputs(execution: () => ExecutionRead, shown: () => boolean): UseOutputs {
  const { data, problem, loading, reload } = useResource((signal) => fetchOutputs(execution().id, signal))
  const ended = computed(() => execution().targets.filter((target) => isFinished(target.state)).map((target) => target.id).join())
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = ''

  function ask(): void {
    asked = ended.value
    void reload()
  }

  watch([ended, shown, data], () => {
    if (!shown()) return
    // 途中までしか比べられていなければ、続きを頼む
    const stale = asked !== ended.value || (data.value?.pending ?? 0) > 0
    if (!stale || timer !== undefined) return
    if (data.value === undefined) {
      if (!loading.value) ask()
      return
    }
    // 何百台が続けて終わるときに、そのたびに尋ねない
    timer = setTimeout(() => {
      timer = undefined
      ask()
    }, GATHER_MS)
  }, { immediate: true })
  onScopeDispose(() => clearTimeout(timer))

  return {
    groups: computed(() => withTargets(data.value?.groups ?? [], execution().targets)),
    summary: computed(() => summarize(data.value?.groups ?? [])),
    running: computed(() => data.value?.running ?? 0),
    pending: computed(() => data.value?.pending ?? 0),
    loaded: computed(() => data.value !== undefined),
    problem,
    loading,
    reload,
  }
}
