import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { asProblem, type ApiProblem, type ResolvedServerRead } from '@/api'

import { resolveServers } from '../api'

const TYPING_MS = 300

interface UseResolvedServers {
  /** 当てはまるサーバ。まだ何も選んでいなければ空。 */
  servers: ShallowRef<ResolvedServerRead[]>
  problem: ShallowRef<ApiProblem | null>
  /** 打った文字の答えを、まだ待っている。 */
  waiting: Ref<boolean>
}

/** 名指しと札の式から、そのプロジェクトの当てはまるサーバを打ちながら尋ねる。古い返事は捨てる。 */
export function useResolvedServers(
  projectId: () => number,
  selector: () => string,
  serverIds: () => readonly number[],
): UseResolvedServers {
  const servers = shallowRef<ResolvedServerRead[]>([])
  const problem = shallowRef<ApiProblem | null>(null)
  const waiting = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined

  async function ask(): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    const expression = selector().trim()
    try {
      const body = { selector: expression === '' ? null : expression, server_ids: [...serverIds()], project_id: projectId() }
      const found = body.selector === null && body.server_ids.length === 0 ? [] : (await resolveServers(body, mine.signal)).items
      if (mine.signal.aborted) return
      servers.value = found
      problem.value = null
    } catch (error) {
      if (mine.signal.aborted) return
      servers.value = []
      problem.value = asProblem(error)
    }
    waiting.value = false
  }

  watch([selector, () => serverIds().join(), projectId], ([, ], [before]) => {
    clearTimeout(timer)
    waiting.value = true
    timer = setTimeout(() => void ask(), before === undefined ? 0 : TYPING_MS)
  }, { immediate: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    running?.abort()
  })

  return { servers, problem, waiting }
}
