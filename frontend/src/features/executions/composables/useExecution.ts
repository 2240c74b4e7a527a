import { computed, onMounted, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { asProblem, type ApiProblem, type ExecutionRead, type GivenVariableInputWritable, type TargetRead } from '@/api'
import { useConfirm } from '@/shared/composables/useConfirm'
import { useProblemText } from '@/shared/composables/useProblemText'
import { useResource } from '@/shared/composables/useResource'
import { useSnackbar } from '@/shared/composables/useSnackbar'
import { useExecutionStream } from '@/shared/composables/useStream'

import {
  cancelExecution,
  continueExecution,
  fetchExecution,
  pauseExecution,
  pinExecution,
  rerunExecution,
  rerunFailed,
  unpinExecution,
} from '../api'
import { orderTargets } from './targetOrder'

export type ExecutionAction = 'cancel' | 'pause' | 'continue' | 'rerun' | 'rerunFailed' | 'pin' | 'unpin'

export interface NeededSecrets {
  action: ExecutionAction
  names: string[]
}

interface UseExecution {
  execution: ShallowRef<ExecutionRead | undefined>
  problem: ShallowRef<ApiProblem | null>
  targets: ComputedRef<TargetRead[]>
  /** 返事を待っている操作。 */
  busy: Ref<ExecutionAction | null>
  reload: () => Promise<void>
  /** `variables` は、もう一度動かすときに渡し直す秘密。 */
  act: (action: ExecutionAction, variables?: GivenVariableInputWritable[]) => Promise<void>
  /** もう一度動かすのに、渡し直してもらう秘密の名前。なければ `null`。 */
  needed: ShallowRef<NeededSecrets | null>
}

/** 一つの実行。読み込みと知らせのどちらが先に届いても、最後に届いた姿を見せる。 */
export function useExecution(id: number): UseExecution {
  const { t } = useI18n()
  const router = useRouter()
  const confirm = useConfirm()
  const snackbar = useSnackbar()
  const { describe } = useProblemText()
  const { data: execution, problem, reload } = useResource((signal) => fetchExecution(id, signal))
  const busy = ref<ExecutionAction | null>(null)

  onMounted(reload)
  useExecutionStream(id, (changed) => {
    execution.value = changed
    problem.value = null
  })

  function confirmCancel(): Promise<boolean> {
    return confirm({
      title: t('executions.cancel.title'),
      text: t('executions.cancel.text'),
      confirmLabel: t('executions.cancel.action'),
      cancelLabel: t('executions.cancel.keep'),
      danger: true,
    })
  }

  const needed = shallowRef<NeededSecrets | null>(null)
  const actions: Record<ExecutionAction, (variables?: GivenVariableInputWritable[]) => Promise<void>> = {
    cancel: async () => {
      execution.value = await cancelExecution(id)
      snackbar.info(t('executions.cancel.done'))
    },
    pause: async () => {
      execution.value = await pauseExecution(id)
      snackbar.info(t('executions.page.pauseDone'))
    },
    continue: async () => {
      execution.value = await continueExecution(id)
      snackbar.success(t('executions.page.continueDone'))
    },
    rerunFailed: async (variables) => {
      execution.value = await rerunFailed(id, variables)
      snackbar.success(t('executions.page.rerunFailedDone'))
    },
    pin: async () => {
      execution.value = await pinExecution(id)
      snackbar.success(t('executions.page.pinDone'))
    },
    unpin: async () => {
      execution.value = await unpinExecution(id)
      snackbar.info(t('executions.page.unpinDone'))
    },
    rerun: async (variables) => {
      const next = await rerunExecution(id, variables)
      snackbar.success(t('executions.page.rerunDone'))
      await router.push(`/executions/${next.id}`)
    },
  }

  async function act(action: ExecutionAction, variables?: GivenVariableInputWritable[]): Promise<void> {
    if (busy.value !== null || (action === 'cancel' && !(await confirmCancel()))) return
    busy.value = action
    try {
      await actions[action](variables)
      needed.value = null
    } catch (error) {
      const refused = asProblem(error)
      if (refused.code === 'secrets_needed' && variables === undefined) {
        needed.value = { action, names: String(refused.params['names'] ?? '').split(', ') }
        return
      }
      const text = describe(error)
      snackbar.error(`${text.what} ${text.next}`)
      // 「もう終わっている」などは、こちらの姿が古い合図
      void reload()
    } finally {
      busy.value = null
    }
  }

  return {
    execution,
    problem,
    targets: computed(() => orderTargets(execution.value?.targets ?? [])),
    busy,
    reload,
    act,
    needed,
  }
}
