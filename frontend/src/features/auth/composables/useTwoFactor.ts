import { computed, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import type { EnrolmentRead, ProofInputWritable, SecondFactorRead } from '@/api'
import { useResource, type Resource } from '@/shared/composables/useResource'
import { useServerErrors } from '@/shared/composables/useServerErrors'

import * as api from '../api'
import { useSession } from '../sessionStore'

/** 本人だと確かめてからすること。 */
export type ProvenAction = 'start' | 'move' | 'renew' | 'stop'

interface TwoFactor {
  status: Resource<SecondFactorRead>
  enabled: Ref<boolean>
  action: Ref<ProvenAction>
  asking: Ref<boolean>
  enrolment: ShallowRef<EnrolmentRead | null>
  recoveryCodes: ShallowRef<readonly string[] | null>
  errors: ReturnType<typeof useServerErrors>
  ask: (next: ProvenAction) => void
  /** 確かめて、する。できたら真。 */
  prove: (proof: ProofInputWritable) => Promise<boolean>
  confirm: (code: string) => Promise<void>
  finish: () => Promise<void>
}

export function useTwoFactor(): TwoFactor {
  const session = useSession()
  const status = useResource((signal) => api.fetchSecondFactor(signal))
  const errors = useServerErrors(['code', 'password'])
  const action = ref<ProvenAction>('start')
  const asking = ref(false)
  const enrolment = shallowRef<EnrolmentRead | null>(null)
  const recoveryCodes = shallowRef<readonly string[] | null>(null)
  const enabled = computed(() => (status.data.value?.enabled_at ?? null) !== null)

  function ask(next: ProvenAction): void {
    errors.clear()
    action.value = next
    // 外のログインだけで入る人には、確かめるパスワードがない
    if (next === 'start' && session.user?.has_password === false) void prove({})
    else asking.value = true
  }

  async function prove(proof: ProofInputWritable): Promise<boolean> {
    const done = await errors.submit(async () => {
      if (action.value === 'stop') await api.disableSecondFactor(proof)
      else if (action.value === 'renew') recoveryCodes.value = (await api.renewRecoveryCodes(proof)).recovery_codes
      else enrolment.value = await api.beginSecondFactor(proof)
      return true
    })
    if (!done) return false
    asking.value = false
    await status.reload()
    return true
  }

  async function confirm(code: string): Promise<void> {
    await errors.submit(async () => {
      recoveryCodes.value = (await api.confirmSecondFactor(code)).recovery_codes
      enrolment.value = null
    })
  }

  async function finish(): Promise<void> {
    errors.clear()
    recoveryCodes.value = null
    enrolment.value = null
    await status.reload()
  }

  return { status, enabled, action, asking, enrolment, recoveryCodes, errors, ask, prove, confirm, finish }
}
