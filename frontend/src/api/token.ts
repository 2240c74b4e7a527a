import type { AccessTokenRead } from './generated/types.gen'
import { problemFrom } from './problem'

// 通行証は、この変数の中だけに置く。保存先に書くと、差し込まれた script が読めてしまうため
let held: { value: string; renewAt: number } | null = null
let renewing: Promise<string | null> | null = null

type Listener = (token: string | null) => void
const listeners = new Set<Listener>()

const RENEW_BEFORE_MS = 30_000
const TIMEOUT_MS = 15_000

/** 通行証が替わるたびに呼ばれる。`null` はログインが終わったこと。 */
export function onTokenChange(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function setToken(token: AccessTokenRead | null): void {
  const lifetime = (token?.expires_in ?? 0) * 1000
  held = token && {
    value: token.access_token,
    renewAt: Date.now() + Math.max(lifetime - RENEW_BEFORE_MS, lifetime / 2),
  }
  for (const listener of listeners) listener(held?.value ?? null)
}

export function hasToken(): boolean {
  return held !== null
}

/** 使える通行証。切れる前なら、先に取り直す。 */
export async function freshToken(): Promise<string | null> {
  if (held === null || Date.now() < held.renewAt) return held?.value ?? null
  return renewToken()
}

/** 取り直す。同時に何度呼ばれても、一度だけ。 */
export function renewToken(): Promise<string | null> {
  renewing ??= acrossTabs(requestToken).finally(() => {
    renewing = null
  })
  return renewing
}

// 更新用の Cookie は一度使うと替わる。二つのタブが同時に使うと、盗まれたとみなされるので順番にする
async function acrossTabs(work: () => Promise<string | null>): Promise<string | null> {
  // 社内の http では、この仕組みが無い
  return 'locks' in navigator ? await navigator.locks.request('tsubame-refresh', work) : work()
}

async function requestToken(): Promise<string | null> {
  const response = await fetch('/api/v1/auth/refresh', {
    method: 'POST',
    credentials: 'same-origin',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  if (response.status === 401 || response.status === 403) {
    setToken(null)
    return null
  }
  const body: unknown = await response.json().catch(() => null)
  if (!response.ok) throw problemFrom(body, response.status)
  setToken(body as AccessTokenRead)
  return held?.value ?? null
}
