import { shallowRef, type ShallowRef } from 'vue'

import type { IdentityRead, ProviderOption } from '@/api'
import { useProof, type Proving } from '@/features/auth'
import { useResource, type Resource } from '@/shared/composables/useResource'

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
  proof: Proving
  wanted: ShallowRef<Wanted | null>
  want: (next: Wanted) => Promise<void>
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

/** `onUnlinked` は、外し終わったとき。 */
export function useLinkedAccounts(onUnlinked: () => void): LinkedAccounts {
  const accounts = useResource(load)
  const proof = useProof(() => accounts.data.value?.usesCode ?? false)
  const wanted = shallowRef<Wanted | null>(null)

  /** 結びつけるなら、提供者の画面へ移る。外すなら、外す。 */
  async function want(next: Wanted): Promise<void> {
    wanted.value = next
    await proof.ask(async (given) => {
      if (next.kind === 'link') {
        window.location.assign(await api.startLinking({ ...given, provider_id: next.provider.id }))
        return
      }
      await api.unlinkOwnIdentity(next.identity.id, given)
      onUnlinked()
      await accounts.reload()
    })
  }

  return { accounts, proof, wanted, want }
}
