import { unwrap } from '@/api/client'
import { getMe, getSetup, login as postLogin, logout as postLogout, type UserRead } from '@/api/generated'
import { onTokenChange, renewToken, setToken } from '@/api/token'

export { onTokenChange }

/** 前のログインを続けられるなら、その人。 */
export async function resumeSession(): Promise<UserRead | null> {
  return (await renewToken()) === null ? null : unwrap(getMe())
}

export async function setupNeeded(): Promise<boolean> {
  return (await unwrap(getSetup())).needed
}

export async function logIn(username: string, password: string): Promise<UserRead> {
  setToken(await unwrap(postLogin({ body: { username, password } })))
  return unwrap(getMe())
}

export async function logOut(): Promise<void> {
  try {
    await unwrap(postLogout())
  } finally {
    setToken(null)
  }
}
