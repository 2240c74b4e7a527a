import { onMounted, onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'

import { asProblem, type ApiProblem, type ServerRead } from '@/api'

import { findServers } from '../queries'

interface ServerSearch {
  /** 最後の答え。まだ届いていなければ `null`。 */
  found: Readonly<ShallowRef<readonly ServerRead[] | null>>
  problem: Readonly<ShallowRef<ApiProblem | null>>
  /** 最後に尋ねた言葉。 */
  asked: Readonly<ShallowRef<string>>
  /** 打つ手が止まってから探す。 */
  search: (text: string) => void
  /** すぐ探す。 */
  find: (text: string) => Promise<void>
}

const TYPING_MS = 250

/** 打つたびに、そのプロジェクトのサーバを探す。`skips` が真の言葉(選ばれた名前が欄に入っただけ、など)では探し直さない。 */
export function useServerSearch(projectId: () => number, skips: (text: string) => boolean = () => false): ServerSearch {
  const found = shallowRef<readonly ServerRead[] | null>(null)
  const problem = shallowRef<ApiProblem | null>(null)
  const asked = shallowRef('')
  let timer: ReturnType<typeof setTimeout> | undefined

  async function find(text: string): Promise<void> {
    asked.value = text
    const place = projectId()
    try {
      const servers = await findServers(text, place)
      // 遅れて届いた、前の言葉や前のプロジェクトの答えは捨てる
      if (asked.value !== text || place !== projectId()) return
      found.value = servers
      problem.value = null
    } catch (error) {
      if (asked.value === text) problem.value = asProblem(error)
    }
  }

  function search(text: string): void {
    clearTimeout(timer)
    if (text === asked.value || skips(text)) return
    timer = setTimeout(() => void find(text), TYPING_MS)
  }

  onMounted(() => find(''))
  watch(projectId, () => find(''))
  onScopeDispose(() => clearTimeout(timer))
  return { found, problem, asked, search, find }
}
