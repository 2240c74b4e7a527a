import { computed, onMounted, ref, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import type { ApiProblem, ExecutionRead, TargetRead } from '@/api'
import { useConfirm } from '@/shared/composables/useConfirm'
import { useProblemText } from '@/shared/composables/useProblemText'
import { useResource } from '@/shared/composables/useResource'
import { useSnackbar } from '@/shared/composables/useSnackbar'
import { useExecutionStream } from '@/shared/composables/useStream'

import { cancelExecution, fetchExecution, rerunExecution } from '../api'
import { orderTargets } from './targetOrder'

interface UseExecution {
  execution: ShallowRef<ExecutionRead | undefined>
  problem: ShallowRef<ApiProblem | null>
  targets: ComputedRef<TargetRead[]>
  cancelling: Ref<boolean>
  rerunning: Ref<boolean>
  reload: () => Promise<void>
  cancel: () => Promise<void>
  rerun: () => Promise<void>
}

/** 一つの実行。読み込みと知らせのどちらが先に届いても、最後に届いた姿を見せる。 */
export function useExecution(id: number): UseExecution {
  const { t } = useI18n()
  const router = useRouter()
  const confirm = useConfirm()
  const snackbar = useSnackbar()
  const { describe } = useProblemText()
  const { data: execution, problem, reload } = useResource((signal) => fetchExecution(id, signal))
  const cancelling = ref(false)
  const rerunning = ref(false)

  onMounted(reload)
  useExecutionStream(id, (changed) => {
    execution.value = changed
    problem.value = null
  })

  async function attempt(busy: Ref<boolean>, work: () => Promise<void>): Promise<void> {
    busy.value = true
    try {
      await work()
    } catch (error) {
      const text = describe(error)
      snackbar.error(`${text.what} ${text.next}`)
      // 「もう終わっている」などは、こちらの姿が古い合図
      void reload()
    } finally {
      busy.value = false
    }
  }

  async function cancel(): Promise<void> {
    const sure = await confirm({
      title: t('executions.cancel.title'),
      text: t('executions.cancel.text'),
      confirmLabel: t('executions.cancel.action'),
      cancelLabel: t('executions.cancel.keep'),
      danger: true,
    })
    if (!sure) return
    await attempt(cancelling, async () => {
      execution.value = await cancelExecution(id)
      snackbar.info(t('executions.cancel.done'))
    })
  }

  function rerun(): Promise<void> {
    return attempt(rerunning, async () => {
      const next = await rerunExecution(id)
      snackbar.success(t('executions.page.rerunDone'))
      await router.push(`/executions/${next.id}`)
    })
  }

  return {
    execution,
    problem,
    targets: computed(() => orderTargets(execution.value?.targets ?? [])),
    cancelling,
    rerunning,
    reload,
    cancel,
    rerun,
  }
}
