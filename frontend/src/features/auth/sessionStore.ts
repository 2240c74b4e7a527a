import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import type { AccessTokenRead, ChallengeRead, PreferencesRead, UserRead } from '@/api'
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
  /** 真のあいだは、パスワードを替えることしかできない。 */
  const mustChangePassword = computed(() => user.value?.must_change_password ?? false)

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

  /** 役割や好みが、よそで変わったかもしれない。 */
  async function refresh(): Promise<void> {
    if (user.value !== null) remember(await api.currentUser())
  }

  async function changePassword(current: string, next: string): Promise<void> {
    await api.changePassword(current, next)
    await refresh()
  }

  /** 好みの一部を変える。ほかの端末の自分にも効く。 */
  async function prefer(changes: Partial<PreferencesRead>): Promise<void> {
    if (user.value === null) return
    const preferences = await api.savePreferences({ ...user.value.preferences, ...changes })
    user.value = { ...user.value, preferences }
  }

  /** 通行証を受け取った(ログインの最後の段か、初回の設定か、招待)。 */
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
    // 取り直したときは、権限も読み直す。届かなくても、次に取り直すまで古いだけ
    else if (token !== null) void refresh().catch(() => undefined)
  })

  return {
    user,
    needsSetup,
    isLoggedIn,
    mustChangePassword,
    load,
    logIn,
    logOut,
    refresh,
    changePassword,
    prefer,
    enter,
    can,
    canSomewhere,
  }
})
