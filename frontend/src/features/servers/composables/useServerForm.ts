import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

import type { ServerInput, ServerRead } from '@/api'
import { useRules, type Rule } from '@/shared/forms/useRules'

import { DEFAULT_OPTIONS, LIMITS } from './sshOptions'

export interface ServerForm {
  name: string
  description: string
  host: string
  port: string
  username: string
  credentialId: number | null
  tags: string[]
  jumpServerId: number | null
  sudoUser: string
  sudoCredentialId: number | null
  maxParallel: string
  runDirectory: string
  connectTimeout: string
  keepalive: string
  compression: boolean
  legacyAlgorithms: boolean
}

const EMPTY: ServerForm = {
  name: '',
  description: '',
  host: '',
  port: '22',
  username: '',
  credentialId: null,
  tags: [],
  jumpServerId: null,
  sudoUser: '',
  sudoCredentialId: null,
  maxParallel: '',
  runDirectory: '',
  connectTimeout: String(DEFAULT_OPTIONS.connect_timeout_s),
  keepalive: String(DEFAULT_OPTIONS.keepalive_s),
  compression: false,
  legacyAlgorithms: false,
}

export function formFromServer(server: ServerRead | null): ServerForm {
  if (server === null) return { ...EMPTY, tags: [] }
  return {
    name: server.name,
    description: server.description,
    host: server.host,
    port: String(server.port),
    username: server.username,
    credentialId: server.credential_id,
    tags: [...server.tags],
    jumpServerId: server.jump_server_id,
    sudoUser: server.sudo_user ?? '',
    sudoCredentialId: server.sudo_credential_id,
    maxParallel: server.max_parallel === null ? '' : String(server.max_parallel),
    runDirectory: server.run_directory ?? '',
    connectTimeout: String(server.ssh_options.connect_timeout_s),
    keepalive: String(server.ssh_options.keepalive_s),
    compression: server.ssh_options.compression,
    legacyAlgorithms: server.ssh_options.legacy_algorithms,
  }
}

/** 空なら「無し」。前後の空白は、貼り付けたときに紛れ込んだものなので落とす。 */
function orNone(text: string): string | null {
  return text.trim() === '' ? null : text.trim()
}

export function inputFromForm(form: ServerForm): ServerInput {
  const sudoUser = orNone(form.sudoUser)
  const maxParallel = orNone(form.maxParallel)
  return {
    name: form.name.trim(),
    description: form.description.trim(),
    host: form.host.trim(),
    port: Number(form.port),
    username: form.username.trim(),
    credential_id: form.credentialId ?? 0,
    tags: [...new Set(form.tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))],
    jump_server_id: form.jumpServerId,
    sudo_user: sudoUser,
    // ユーザを替えないなら、前に選んだパスワードは要らない
    sudo_credential_id: sudoUser === null ? null : form.sudoCredentialId,
    max_parallel: maxParallel === null ? null : Number(maxParallel),
    run_directory: orNone(form.runDirectory),
    ssh_options: {
      connect_timeout_s: Number(form.connectTimeout),
      keepalive_s: Number(form.keepalive),
      compression: form.compression,
      legacy_algorithms: form.legacyAlgorithms,
    },
  }
}

/** 詳細設定を一つでも変えているか。変えていれば、開いて見せる。 */
export function hasAdvanced(form: ServerForm): boolean {
  const keys = ['jumpServerId', 'sudoUser', 'maxParallel', 'runDirectory', 'connectTimeout', 'keepalive', 'compression', 'legacyAlgorithms'] as const
  return keys.some((key) => form[key] !== EMPTY[key])
}

export interface ServerRules {
  host: Rule
  port: Rule
  username: Rule
  tags: Rule<string[]>
  path: Rule
  sudoUser: Rule
  maxParallel: Rule
  connectTimeout: Rule
  keepalive: Rule
}

interface UseServerForm {
  form: ServerForm
  dirty: ComputedRef<boolean>
  version: Ref<number | null>
  fill: (server: ServerRead | null) => void
  saved: () => void
  rules: ServerRules
}

export function useServerForm(): UseServerForm {
  const form = reactive(formFromServer(null))
  const version = ref<number | null>(null)
  const initial = ref(JSON.stringify(form))

  function fill(server: ServerRead | null): void {
    Object.assign(form, formFromServer(server))
    version.value = server?.version ?? null
    saved()
  }

  function saved(): void {
    initial.value = JSON.stringify(form)
  }

  return { form, version, fill, saved, dirty: computed(() => JSON.stringify(form) !== initial.value), rules: useServerRules() }
}

const MAX_TAGS = 32
// 業務層(servers/drafts.py)と同じ決まり
const TAG = /^(?!name:)[A-Za-z0-9._=:/-]{1,64}$/
const DIRECTORY = /^\/[^'\\!]*$/
const SUDO_USER = /^[^\s'\\!#-][^\s'\\!]*$/

function useServerRules(): ServerRules {
  const { t } = useI18n()
  const { required } = useRules()
  const when = (ok: boolean, key: string): true | string => ok || t(key)
  const inside = (value: string | null | undefined, max: number): boolean => {
    const text = (value ?? '').trim()
    return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= max
  }
  const whole = (max: number): Rule => (value) => inside(value, max) || t('servers.rule.wholeNumber', { max })
  return {
    host: (value) => {
      const present = required(value)
      return present === true ? when(!/[\s/@]/.test((value ?? '').trim()), 'servers.rule.host') : present
    },
    port: (value) => when(inside(value, 65_535), 'servers.rule.port'),
    username: (value) => {
      const present = required(value)
      return present === true ? when(!/^-|\s/.test((value ?? '').trim()), 'servers.rule.username') : present
    },
    tags: (value) => {
      const tags = value ?? []
      return tags.every((tag) => TAG.test(tag.trim())) ? when(tags.length <= MAX_TAGS, 'servers.rule.tooManyTags') : t('servers.rule.tag')
    },
    path: (value) => when((value ?? '').trim() === '' || DIRECTORY.test((value ?? '').trim()), 'servers.rule.absolutePath'),
    sudoUser: (value) => when((value ?? '').trim() === '' || SUDO_USER.test((value ?? '').trim()), 'servers.rule.sudoUser'),
    maxParallel: (value) => (value ?? '').trim() === '' || whole(LIMITS.maxParallel)(value),
    connectTimeout: whole(LIMITS.connectTimeout),
    keepalive: whole(LIMITS.keepalive),
  }
}
