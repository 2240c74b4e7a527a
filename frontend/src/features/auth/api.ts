import type { AccessTokenRead, UserRead } from '@/api'
import { unwrap } from '@/api/client'
import { getMe, getSetup, login as postLogin, logout as postLogout } from '@/api/generated'
import { onTokenChange, renewToken, setToken } from '@/api/token'

export { onTokenChange }

/** 前のログインを続けられるなら、その人。 */
export async function resumeSession(): Promise<UserRead | null> {
  return (await renewToken()) === null ? null : unwrap(getMe())
}

export async function setupNeeded(): Promise<boolean> {
  return (await unwrap(getSetup())).needed
}

/** 受け取った通行証で入る(初回の設定は、ログインを通らずに通行証をくれる)。 */
export function enterWith(token: AccessTokenRead): Promise<UserRead> {
  setToken(token)
  return unwrap(getMe())
}

export async function logIn(username: string, password: string): Promise<UserRead> {
  return enterWith(await unwrap(postLogin({ body: { username, password } })))
}

export async function logOut(): Promise<void> {
  try {
    await unwrap(postLogout())
  } finally {
    setToken(null)
  }
}
