import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue'

import type { ChallengeRead, EnrolmentRead } from '@/api'
import { useServerErrors } from '@/shared/composables/useServerErrors'

import * as api from '../api'
import { useSession } from '../sessionStore'

export type LoginStep = 'password' | 'code' | 'enrol' | 'recovery'

export interface LoginSteps {
  step: ComputedRef<LoginStep>
  enrolment: ShallowRef<EnrolmentRead | null>
  recoveryCodes: ShallowRef<readonly string[] | null>
  errors: ReturnType<typeof useServerErrors>
  /** どれも、入り終えたら真。 */
  giveFirst: (first: () => Promise<ChallengeRead | null>) => Promise<boolean>
  answer: (code: string) => Promise<boolean>
  /** 使い始めたあとは、まだ回復コードを見せている。 */
  enrol: (code: string) => Promise<void>
  restart: () => void
}

/** ログインの段: 一つ目の確かめ → 符号か、用意 → 回復コード。`firstFields` は、一つ目の入力の欄。 */
export function useLoginSteps(firstFields: readonly string[] = []): LoginSteps {
  const session = useSession()
  const errors = useServerErrors(['code', ...firstFields])
  const challenge = shallowRef<ChallengeRead | null>(null)
  const enrolment = shallowRef<EnrolmentRead | null>(null)
  const recoveryCodes = shallowRef<readonly string[] | null>(null)

  const step = computed<LoginStep>(() => {
    if (recoveryCodes.value) return 'recovery'
    return challenge.value?.step ?? 'password'
  })

  async function giveFirst(first: () => Promise<ChallengeRead | null>): Promise<boolean> {
    const done = await errors.submit(async () => {
      const next = await first()
      if (next?.step === 'enrol') enrolment.value = await api.beginChallengeEnrolment(next.challenge)
      challenge.value = next
      return next === null
    })
    return done ?? false
  }

  async function answer(code: string): Promise<boolean> {
    const entered = await errors.submit(async () => {
      await session.enter(await api.answerChallenge(challenge.value?.challenge ?? '', code))
      return true
    })
    return entered ?? false
  }

  async function enrol(code: string): Promise<void> {
    await errors.submit(async () => {
      const enrolled = await api.confirmChallengeEnrolment(challenge.value?.challenge ?? '', code)
      recoveryCodes.value = enrolled.recovery_codes
      await session.enter(enrolled)
    })
  }

  function restart(): void {
    errors.clear()
    challenge.value = null
    enrolment.value = null
  }

  return { step, enrolment, recoveryCodes, errors, giveFirst, answer, enrol, restart }
}
