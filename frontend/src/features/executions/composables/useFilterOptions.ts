import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

import * as api from '../api'

export interface Option {
  value: string
  title: string
}

interface UseFilterOptions {
  jobs: ShallowRef<Option[]>
  servers: ShallowRef<Option[]>
  users: ShallowRef<Option[]>
  load: (chosen: { job: string; server: string }) => Promise<void>
  searchJobs: (text: string) => void
  searchServers: (text: string) => void
}

interface Named {
  id: number
  name: string
}

const TYPING_MS = 250

const toOptions = (items: readonly Named[]): Option[] => items.map((item) => ({ value: String(item.id), title: item.name }))

/**
 * 絞り込みの選択肢。ジョブとサーバは多いかもしれないので、打った文字でサーバに尋ねる。
 *
 * 選択肢が取れなくても一覧は使えるので、失敗は空として扱う。
 */
export function useFilterOptions(): UseFilterOptions {
  const jobs = shallowRef<Option[]>([])
  const servers = shallowRef<Option[]>([])
  const users = shallowRef<Option[]>([])

  // 選んでいるものは、探した結果に無くても名前を見せ続ける
  function keeping(held: ShallowRef<Option[]>, found: Option[], chosen: string): Option[] {
    const kept = held.value.filter((option) => option.value === chosen)
    return [...kept, ...found.filter((option) => option.value !== chosen)]
  }

  const chosen = { job: '', server: '' }
  const findJobs = async (q: string): Promise<void> => {
    const page = await api.searchJobs(q).catch(() => null)
    if (page) jobs.value = keeping(jobs, toOptions(page.items), chosen.job)
  }
  const findServers = async (q: string): Promise<void> => {
    const page = await api.searchServers(q).catch(() => null)
    if (page) servers.value = keeping(servers, toOptions(page.items), chosen.server)
  }

  function typing(find: (q: string) => Promise<void>): (text: string) => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    let last = ''
    onScopeDispose(() => clearTimeout(timer))
    return (text) => {
      clearTimeout(timer)
      if (text === last) return
      timer = setTimeout(() => {
        last = text
        void find(text)
      }, TYPING_MS)
    }
  }

  async function load(selected: { job: string; server: string }): Promise<void> {
    Object.assign(chosen, selected)
    const people = api.fetchUsers().catch(() => ({ items: [] }))
    await Promise.all([findJobs(''), findServers('')])
    users.value = toOptions((await people).items.map((user) => ({ id: user.id, name: user.username })))
    await nameChosen()
  }

  // 共有された URL の対象は、最初の一覧に入っていないことがある
  async function nameChosen(): Promise<void> {
    if (chosen.job !== '' && !jobs.value.some((option) => option.value === chosen.job)) {
      const job = await api.fetchJobName(Number(chosen.job)).catch(() => null)
      if (job) jobs.value = [...toOptions([job]), ...jobs.value]
    }
    if (chosen.server !== '' && !servers.value.some((option) => option.value === chosen.server)) {
      const server = await api.fetchServerName(Number(chosen.server)).catch(() => null)
      if (server) servers.value = [...toOptions([server]), ...servers.value]
    }
  }

  return { jobs, servers, users, load, searchJobs: typing(findJobs), searchServers: typing(findServers) }
}
