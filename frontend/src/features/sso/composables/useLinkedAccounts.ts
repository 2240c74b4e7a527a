import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import type { IdentityRead, ProofInputWritable, ProviderOption } from '@/api'
import { useSession } from '@/features/auth'
import { useResource, type Resource } from '@/shared/composables/useResource'
import { useServerErrors } from '@/shared/composables/useServerErrors'

import * as api from '../api'

interface Accounts {
  identities: IdentityRead[]
  providers: ProviderOption[]
  usesCode: boolean
}

/** 本人だと確かめてからすること。 */
export type Wanted = { kind: 'link'; provider: ProviderOption } | { kind: 'unlink'; identity: IdentityRead }

interface LinkedAccounts {
  accounts: Resource<Accounts>
  errors: ReturnType<typeof useServerErrors>
  wanted: ShallowRef<Wanted | null>
  asking: Ref<boolean>
  usesCode: ComputedRef<boolean>
  want: (next: Wanted) => Promise<void>
  prove: (proof: ProofInputWritable) => Promise<boolean>
}

async function load(signal: AbortSignal): Promise<Accounts> {
  const [identities, providers, factor] = await Promise.all([
    api.fetchOwnIdentities(signal),
    api.fetchOptions(signal),
    api.fetchSecondFactor(signal),
  ])
  return {
    identities: identities.items,
    providers,
    usesCode: factor.enabled_at !== null,
  }
}

export function useLinkedAccounts(): LinkedAccounts {
  const session = useSession()
  const accounts = useResource(load)
  const errors = useServerErrors(['code', 'password'])
  const wanted = shallowRef<Wanted | null>(null)
  const asking = ref(false)
  const usesCode = computed(() => accounts.data.value?.usesCode ?? false)

  async function want(next: Wanted): Promise<void> {
    errors.clear()
    wanted.value = next
    const state = accounts.data.value
    // 外のログインだけで入る人には、確かめるパスワードも数字もない
    if (state && !state.usesCode && session.user?.has_password === false) await prove({})
    else asking.value = true
  }

  /** 結びつけるなら、提供者の画面へ移る。外すなら、外す。 */
  async function prove(proof: ProofInputWritable): Promise<boolean> {
    const act = wanted.value
    if (act === null) return false
    const done = await errors.submit(async () => {
      if (act.kind === 'unlink') await api.unlinkOwnIdentity(act.identity.id, proof)
      else window.location.assign(await api.startLinking({ ...proof, provider_id: act.provider.id }))
      return true
    })
    if (!done) return false
    asking.value = false
    if (act.kind === 'unlink') await accounts.reload()
    return true
  }

  return { accounts, errors, wanted, asking, usesCode, want, prove }
}
