import { computed, onMounted, watch, type ComputedRef, type ShallowRef } from 'vue'

import type { ExecutionRead, ExecutionVariablesRead } from '@/api'
import { useResource } from '@/shared/composables/useResource'
import { isFinished } from '@/shared/lib/states'

import { fetchExecutionVariables } from '../api'

interface UseUsedSecrets {
  variables: ShallowRef<ExecutionVariablesRead | undefined>
  /** 短すぎて、ログで伏せられなかった秘密の名前。 */
  unmasked: ComputedRef<string[]>
}

/** 実行に渡した変数と、使った秘密。使うものは走り出すまで決まらないので、始まったときと終わったときに読み直す。 */
export function useUsedSecrets(id: number, execution: ShallowRef<ExecutionRead | undefined>): UseUsedSecrets {
  const { data, reload } = useResource((signal) => fetchExecutionVariables(id, signal))
  onMounted(reload)
  watch(
    () => [execution.value?.started_at, execution.value !== undefined && isFinished(execution.value.state)],
    (_, before) => {
      if (before.some((known) => known !== undefined)) void reload()
    },
  )
  const unmasked = computed(() => [...new Set((data.value?.used ?? []).filter((each) => !each.maskable).map((each) => each.name))])
  return { variables: data, unmasked }
}
