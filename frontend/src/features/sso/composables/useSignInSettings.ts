import { shallowRef, type ShallowRef } from 'vue'
import { useI18n } from 'vue-i18n'

import type { IdentityRead, LinkInput, ProviderList, ProviderRead, Role, SignInPersonRead } from '@/api'
import { useConfirm } from '@/shared/composables/useConfirm'
import { useProblemText } from '@/shared/composables/useProblemText'
import { useResource, type Resource } from '@/shared/composables/useResource'
import { useServerErrors } from '@/shared/composables/useServerErrors'
import { useSnackbar } from '@/shared/composables/useSnackbar'

import * as api from '../api'

/** 設定の画面が要るものの全部。 */
export interface SignInSettings {
  list: ProviderList
  roles: Role[]
  people: SignInPersonRead[]
  identities: IdentityRead[]
}

interface UseSignInSettings {
  settings: Resource<SignInSettings>
  policy: ReturnType<typeof useServerErrors>
  linking: ReturnType<typeof useServerErrors>
  linkedPerson: ShallowRef<SignInPersonRead | null>
  saveRoles: (roles: Role[]) => Promise<void>
  removeProvider: (provider: ProviderRead) => Promise<void>
  reset: (person: SignInPersonRead) => Promise<void>
  link: (body: LinkInput) => Promise<void>
  unlink: (person: SignInPersonRead, identity: IdentityRead) => Promise<void>
}

async function load(signal: AbortSignal): Promise<SignInSettings> {
  const [list, roles, people, identities] = await Promise.all([
    api.fetchProviders(signal),
    api.fetchRequiredRoles(signal),
    api.fetchPeople(signal),
    api.fetchIdentities(signal),
  ])
  return { list, roles, people, identities: identities.items }
}

export function useSignInSettings(): UseSignInSettings {
  const { t } = useI18n()
  const confirm = useConfirm()
  const snackbar = useSnackbar()
  const { describe } = useProblemText()
  const settings = useResource(load)
  const policy = useServerErrors()
  const linking = useServerErrors(['subject', 'provider_id'])
  const linkedPerson = shallowRef<SignInPersonRead | null>(null)

  /** 尋ねてからする。断られたら、わけを知らせる。 */
  async function sure(question: { title: string; text: string; confirmLabel: string }, act: () => Promise<void>, done: string): Promise<void> {
    if (!(await confirm({ ...question, danger: true }))) return
    try {
      await act()
      snackbar.success(done)
    } catch (error) {
      const text = describe(error)
      snackbar.error(`${text.what} ${text.next}`)
    }
    await settings.reload()
  }

  async function saveRoles(roles: Role[]): Promise<void> {
    const saved = await policy.submit(() => api.requireRoles(roles))
    if (!saved) return
    snackbar.success(t('sso.policy.saved'))
    await settings.reload()
  }

  function removeProvider({ id, name }: ProviderRead): Promise<void> {
    const question = {
      title: t('sso.providers.deleteTitle', { name }),
      text: t('sso.providers.deleteText'),
      confirmLabel: t('sso.providers.delete'),
    }
    return sure(question, () => api.deleteProvider(id), t('sso.providers.deleted', { name }))
  }

  function reset({ user_id, username: name }: SignInPersonRead): Promise<void> {
    const question = {
      title: t('sso.people.resetTitle', { name }),
      text: t('sso.people.resetText'),
      confirmLabel: t('sso.people.reset'),
    }
    return sure(question, () => api.resetSecondFactor(user_id), t('sso.people.resetDone', { name }))
  }

  async function link(body: LinkInput): Promise<void> {
    const person = linkedPerson.value
    if (person === null) return
    const done = await linking.submit(async () => {
      await api.linkIdentity(person.user_id, body)
      return true
    })
    if (!done) return
    linkedPerson.value = null
    snackbar.success(t('sso.people.linked'))
    await settings.reload()
  }

  function unlink(person: SignInPersonRead, { id, label }: IdentityRead): Promise<void> {
    const question = {
      title: t('sso.people.unlinkTitle', { label }),
      text: t('sso.people.unlinkText', { name: person.username }),
      confirmLabel: t('sso.people.unlink'),
    }
    return sure(question, () => api.unlinkIdentity(person.user_id, id), t('sso.people.unlinked'))
  }

  return { settings, policy, linking, linkedPerson, saveRoles, removeProvider, reset, link, unlink }
}
