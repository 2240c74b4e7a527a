import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

import type { ServerInput, ServerRead } from '@/api'
import { useRules, type Rule } from '@/shared/forms/useRules'

export interface ServerForm {
  name: string
  description: string
  host: string
  port: string
  username: string
  credentialId: number | null
  tags: string[]
  runDirectory: string
}

export function formFromServer(server: ServerRead | null): ServerForm {
  if (server === null) {
    return { name: '', description: '', host: '', port: '22', username: '', credentialId: null, tags: [], runDirectory: '' }
  }
  return {
    name: server.name,
    description: server.description,
    host: server.host,
    port: String(server.port),
    username: server.username,
    credentialId: server.credential_id,
    tags: [...server.tags],
    runDirectory: server.run_directory ?? '',
  }
}

/** 前後の空白は、貼り付けたときに紛れ込んだものなので落とす。 */
export function inputFromForm(form: ServerForm): ServerInput {
  return {
    name: form.name.trim(),
    description: form.description.trim(),
    host: form.host.trim(),
    port: Number(form.port),
    username: form.username.trim(),
    credential_id: form.credentialId ?? 0,
    tags: [...new Set(form.tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))],
    run_directory: form.runDirectory.trim() === '' ? null : form.runDirectory.trim(),
  }
}

interface UseServerForm {
  form: ServerForm
  dirty: ComputedRef<boolean>
  version: Ref<number | null>
  fill: (server: ServerRead | null) => void
  saved: () => void
  rules: { host: Rule; port: Rule; username: Rule; tags: Rule<string[]>; path: Rule }
}

const MAX_TAGS = 32
// 業務層(servers/drafts.py)と同じ決まり
const TAG = /^[A-Za-z0-9._=-]{1,64}$/
const DIRECTORY = /^\/[^'\\!]*$/

export function useServerForm(): UseServerForm {
  const { t } = useI18n()
  const { required } = useRules()
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

  const when = (ok: boolean, key: string, params: Record<string, number> = {}): true | string => ok || t(key, params)
  return {
    form,
    version,
    fill,
    saved,
    dirty: computed(() => JSON.stringify(form) !== initial.value),
    rules: {
      host: (value) => {
        const present = required(value)
        return present === true ? when(!/[\s/@]/.test((value ?? '').trim()), 'servers.rule.host') : present
      },
      port: (value) => {
        const port = Number(value)
        return when(/^\d+$/.test((value ?? '').trim()) && port >= 1 && port <= 65_535, 'servers.rule.port')
      },
      username: (value) => {
        const present = required(value)
        return present === true ? when(!/^-|\s/.test((value ?? '').trim()), 'servers.rule.username') : present
      },
      tags: (value) => {
        const tags = value ?? []
        return tags.every((tag) => TAG.test(tag.trim())) ? when(tags.length <= MAX_TAGS, 'servers.rule.tooManyTags') : t('servers.rule.tag')
      },
      path: (value) => when((value ?? '').trim() === '' || DIRECTORY.test((value ?? '').trim()), 'servers.rule.absolutePath'),
    },
  }
}
