import { client } from './generated/client.gen'
import { problemFrom } from './problem'
import { freshToken, hasToken, renewToken } from './token'

const withToken = (request: Request, token: string | null): Request => {
  if (token === null) return request
  const headers = new Headers(request.headers)
  headers.set('Authorization', `Bearer ${token}`)
  return new Request(request, { headers })
}

/** 通行証を付けて送る。切れていたら、一度だけ取り直して送り直す。 */
export async function authorizedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  const loggedIn = hasToken()
  // 本文は一度しか読めない。送り直す分を先に写しておく
  const retry = loggedIn ? request.clone() : null
  const response = await fetch(withToken(request, await freshToken()))
  if (response.status !== 401 || retry === null) return response
  const renewed = await renewToken()
  return renewed === null ? response : fetch(withToken(retry, renewed))
}

client.setConfig({ baseUrl: '', credentials: 'same-origin', fetch: authorizedFetch })

interface Answer<Data> {
  data?: Data
  error?: unknown
  response?: Response
}

/** 生成された関数の答えから中身を取り出す。失敗は `ApiProblem` として投げる。 */
export async function unwrap<Data>(pending: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await pending
  if (response?.ok) return data as Data
  // 応答が無いのは、つながらなかったとき。fetch の投げたものをそのまま伝える
  if (response === undefined && error instanceof Error) throw error
  throw problemFrom(error, response?.status ?? 0)
}

/** 生成された関数が扱わない、バイト列の応答のため。 */
export async function fetchBytes(url: string, init?: RequestInit): Promise<Response> {
  const response = await authorizedFetch(url, init)
  if (!response.ok) throw problemFrom(await response.json().catch(() => null), response.status)
  return response
}
