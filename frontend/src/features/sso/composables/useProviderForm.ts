import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue'

import type { GroupRuleInput, ProviderInputWritable, ProviderRead, Role } from '@/api'

export interface ProviderForm {
  name: string
  issuer: string
  client_id: string
  client_secret: string
  scopes: string
  username_claim: string
  group_claim: string
  rules: GroupRuleInput[]
  default_role: Role | null
  creates_users: boolean
  trusts_second_factor: boolean
  enabled: boolean
  position: number
}

const EMPTY: ProviderForm = {
  name: '',
  issuer: '',
  client_id: '',
  client_secret: '',
  scopes: 'openid profile email',
  username_claim: 'preferred_username',
  group_claim: 'groups',
  rules: [],
  default_role: null,
  creates_users: true,
  trusts_second_factor: true,
  enabled: true,
  position: 0,
}

/** 秘密は読み返せない。空のままなら、しまってあるものを残す。 */
export function formFrom(provider: ProviderRead): ProviderForm {
  const kept = Object.fromEntries(Object.keys(EMPTY).map((key) => [key, Reflect.get(provider, key) as unknown]))
  return { ...EMPTY, ...kept, client_secret: '', rules: provider.rules.map((rule) => ({ ...rule })) }
}

export function inputFrom(form: ProviderForm): ProviderInputWritable {
  const { client_secret: secret, rules, ...rest } = form
  return { ...rest, rules: rules.map((rule) => ({ ...rule })), ...(secret === '' ? {} : { client_secret: secret }) }
}

interface UseProviderForm {
  form: ProviderForm
  version: Ref<number | null>
  dirty: ComputedRef<boolean>
  fill: (provider: ProviderRead) => void
  saved: () => void
}

export function useProviderForm(): UseProviderForm {
  const form = reactive<ProviderForm>({ ...EMPTY, rules: [] })
  const version = ref<number | null>(null)
  const before = ref(JSON.stringify(form))
  const dirty = computed(() => JSON.stringify(form) !== before.value)

  function saved(): void {
    before.value = JSON.stringify(form)
  }

  function fill(provider: ProviderRead): void {
    Object.assign(form, formFrom(provider))
    version.value = provider.version
    saved()
  }

  return { form, version, dirty, fill, saved }
}
