import { ref, type Ref } from 'vue'

import type { ProofInputWritable } from '@/api'
import { useServerErrors } from '@/shared/composables/useServerErrors'

import { useSession } from '../sessionStore'

type Work = (proof: ProofInputWritable) => Promise<void>

export interface Proving {
  /** 尋ねる箱が開いている。 */
  asking: Ref<boolean>
  /** 二段階を使っている。数字で確かめる。 */
  usesCode: () => boolean
  errors: ReturnType<typeof useServerErrors>
  ask: (work: Work) => Promise<void>
  prove: (proof: ProofInputWritable) => Promise<void>
  close: () => void
}

/** 本人だと確かめてから、大事なことをする。尋ねる箱は `ProofDialog`。 */
export function useProof(usesCode: () => boolean): Proving {
  const session = useSession()
  const errors = useServerErrors(['code', 'password'])
  const asking = ref(false)
  let pending: Work | null = null

  async function ask(work: Work): Promise<void> {
    errors.clear()
    pending = work
    // 外のログインだけで入る人には、確かめるパスワードも数字もない
    if (!usesCode() && session.user?.has_password === false) await prove({})
    else asking.value = true
  }

  async function prove(proof: ProofInputWritable): Promise<void> {
    const done = await errors.submit(async () => {
      await pending?.(proof)
      return true
    })
    if (done) asking.value = false
  }

  function close(): void {
    asking.value = false
  }

  return { asking, usesCode, errors, ask, prove, close }
}
