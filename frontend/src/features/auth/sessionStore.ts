import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import type { AccessTokenRead, ChallengeRead, UserRead } from '@/api'
import { readPreference, writePreference } from '@/shared/lib/preferences'

import * as api from './api'

/** 今この画面を使っている人。 */
export const useSession = defineStore('session', () => {
  const user = shallowRef<UserRead | null>(null)
  const needsSetup = ref(false)
  let loading: Promise<void> | null = null

  const everywhere = computed(() => new Set<string>(user.value?.permissions))
  const byProject = computed(
    () => new Map((user.value?.projects ?? []).map((each) => [each.id, new Set<string>(each.permissions)])),
  )
  const isLoggedIn = computed(() => user.value !== null)

  function remember(next: UserRead | null): void {
    user.value = next
    writePreference('session', next === null ? null : 'kept')
  }

  async function start(): Promise<void> {
    // 印が無ければ更新を試さない。初めて開いた人の画面に 401 の記録を残さないため
    if (readPreference('session', ['kept'])) remember(await api.resumeSession())
    if (user.value === null) needsSetup.value = await api.setupNeeded()
  }

  /** 最初に一度だけ。失敗したら、次に呼ばれたときにやり直す。 */
  function load(): Promise<void> {
    loading ??= start().catch((error: unknown) => {
      loading = null
      throw error
    })
    return loading
  }

  /** 二段目が要るときは、まだ入らずに、途中の証しを返す。 */
  async function logIn(username: string, password: string): Promise<ChallengeRead | null> {
    const answer = await api.logIn(username, password)
    if ('challenge' in answer) return answer
    await enter(answer)
    return null
  }

  async function logOut(): Promise<void> {
    try {
      await api.logOut()
    } finally {
      remember(null)
    }
  }

  /** 通行証を受け取った(ログインの最後の段か、初回の設定)。 */
  async function enter(token: AccessTokenRead): Promise<void> {
    remember(await api.enterWith(token))
    needsSetup.value = false
  }

  /** してよいか。`projectId` はその物のあるプロジェクトで、全体のことなら省く。決めるのは API で、ここは見せ方だけ。 */
  const can = (permission: string, projectId?: number): boolean =>
    everywhere.value.has(permission) ||
    (projectId !== undefined && (byProject.value.get(projectId)?.has(permission) ?? false))

  /** どこか一つのプロジェクトででも、してよいか。 */
  const canSomewhere = (permission: string): boolean =>
    everywhere.value.has(permission) || [...byProject.value.values()].some((each) => each.has(permission))

  api.onTokenChange((token) => {
    if (token === null && user.value !== null) remember(null)
  })

  return { user, needsSetup, isLoggedIn, load, logIn, logOut, enter, can, canSomewhere }
})
