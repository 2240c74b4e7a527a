import { computed, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import type { EnrolmentRead, ProofInputWritable, SecondFactorRead } from '@/api'
import { useResource, type Resource } from '@/shared/composables/useResource'

import * as api from '../api'
import { useProof, type Proving } from './useProof'

/** 本人だと確かめてからすること。 */
export type ProvenAction = 'start' | 'move' | 'renew' | 'stop'

interface TwoFactor {
  status: Resource<SecondFactorRead>
  enabled: Ref<boolean>
  action: Ref<ProvenAction>
  proof: Proving
  enrolment: ShallowRef<EnrolmentRead | null>
  recoveryCodes: ShallowRef<readonly string[] | null>
  ask: (next: ProvenAction) => Promise<void>
  confirm: (code: string) => Promise<void>
  finish: () => Promise<void>
}

/** `onStopped` は、やめ終わったとき。 */
export function useTwoFactor(onStopped: () => void): TwoFactor {
  const status = useResource((signal) => api.fetchSecondFactor(signal))
  const action = ref<ProvenAction>('start')
  const enrolment = shallowRef<EnrolmentRead | null>(null)
  const recoveryCodes = shallowRef<readonly string[] | null>(null)
  const enabled = computed(() => (status.data.value?.enabled_at ?? null) !== null)
  const proof = useProof(() => enabled.value)

  async function ask(next: ProvenAction): Promise<void> {
    action.value = next
    await proof.ask(async (given) => {
      await act(next, given)
      await status.reload()
    })
  }

  async function act(next: ProvenAction, given: ProofInputWritable): Promise<void> {
    if (next === 'stop') {
      await api.disableSecondFactor(given)
      onStopped()
    } else if (next === 'renew') recoveryCodes.value = (await api.renewRecoveryCodes(given)).recovery_codes
    else enrolment.value = await api.beginSecondFactor(given)
  }

  async function confirm(code: string): Promise<void> {
    await proof.errors.submit(async () => {
      recoveryCodes.value = (await api.confirmSecondFactor(code)).recovery_codes
      enrolment.value = null
    })
  }

  async function finish(): Promise<void> {
    proof.errors.clear()
    recoveryCodes.value = null
    enrolment.value = null
    await status.reload()
  }

  return { status, enabled, action, proof, enrolment, recoveryCodes, ask, confirm, finish }
}
