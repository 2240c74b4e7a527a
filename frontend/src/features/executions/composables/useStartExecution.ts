import { ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { asProblem, type ExecutionRead, type JobRead, type StartInputWritable } from '@/api'
import { useProblemText } from '@/shared/composables/useProblemText'
import { useSnackbar } from '@/shared/composables/useSnackbar'

import { startExecution } from '../api'
import { StartKeys } from './startKeys'

const keys = new StartKeys()

export type StartableJob = Pick<JobRead, 'id' | 'name' | 'enabled' | 'servers' | 'selector'>

/** 始められない理由の訳の鍵。始められるなら `null`。 */
export function blockedKey(job: StartableJob): string | null {
  if (!job.enabled) return 'executions.blocked.disabled'
  return job.servers.length === 0 && job.selector === null ? 'executions.blocked.noServers' : null
}

/** ジョブを実行し、その実行の画面へ移る。 */
export function useStartExecution(): {
  starting: Ref<boolean>
  /** `input` を省けば、ジョブのとおりに始める。 */
  start: (job: StartableJob, input?: StartInputWritable) => Promise<ExecutionRead | undefined>
} {
  const { t } = useI18n()
  const router = useRouter()
  const snackbar = useSnackbar()
  const { describe } = useProblemText()
  const starting = ref(false)

  async function start(job: StartableJob, input: StartInputWritable = {}): Promise<ExecutionRead | undefined> {
    const blocked = blockedKey(job)
    if (blocked !== null) {
      snackbar.error(t(blocked))
      return undefined
    }
    if (starting.value) return undefined
    starting.value = true
    try {
      const execution = await startExecution(job.id, keys.take(job.id), input)
      keys.answered(job.id)
      snackbar.success(t('executions.started', { name: job.name }))
      await router.push(`/executions/${execution.id}`)
      return execution
    } catch (error) {
      if (asProblem(error).code !== 'network') keys.answered(job.id)
      const text = describe(error)
      snackbar.error(`${text.what} ${text.next}`)
      return undefined
    } finally {
      starting.value = false
    }
  }

  return { starting, start }
}
