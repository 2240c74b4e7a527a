import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { authorizedFetch, unwrap } from './client'
import { ApiProblem, asProblem } from './problem'
import { freshToken, onTokenChange, renewToken, setToken } from './token'

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json' } })
const grant = (value: string, expires_in = 900): Response => json(200, { access_token: value, token_type: 'bearer', expires_in })
const fetched = vi.fn<(request: Request | string) => Promise<Response>>()

const urlOf = (request: Request | string): string => (typeof request === 'string' ? request : new URL(request.url).pathname)
const authorization = (request: Request | string | undefined): string | null =>
  request instanceof Request ? request.headers.get('Authorization') : null
const api = (path: string, init?: RequestInit): Promise<Response> => authorizedFetch(new URL(path, location.href), init)

beforeEach(() => {
  setToken(null)
  fetched.mockReset()
  vi.stubGlobal('fetch', fetched)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

describe('通行証', () => {
  it('同時に何度頼んでも、取り直すのは一度だけ', async () => {
    fetched.mockImplementation(async () => grant('new'))
    expect(await Promise.all([renewToken(), renewToken(), renewToken()])).toEqual(['new', 'new', 'new'])
    expect(fetched).toHaveBeenCalledTimes(1)
  })

  it('切れる前に、先に取り直す', async () => {
    vi.useFakeTimers()
    setToken({ access_token: 'old', token_type: 'bearer', expires_in: 900 })
    expect(await freshToken()).toBe('old')
    vi.advanceTimersByTime(871_000)
    fetched.mockImplementation(async () => grant('new'))
    expect(await freshToken()).toBe('new')
  })

  it('取り直しを断られたら、ログインは終わったと知らせる', async () => {
    setToken({ access_token: 'old', token_type: 'bearer', expires_in: 900 })
    const heard = vi.fn()
    const stop = onTokenChange(heard)
    fetched.mockImplementation(async () => json(401, { code: 'token_invalid' }))
    expect(await renewToken()).toBeNull()
    expect(heard).toHaveBeenCalledWith(null)
    stop()
  })

  it('サーバが一時的に応えないだけなら、ログインは終わらない', async () => {
    setToken({ access_token: 'old', token_type: 'bearer', expires_in: 900 })
    fetched.mockImplementation(async () => json(503, { code: 'storage_unavailable' }))
    await expect(renewToken()).rejects.toMatchObject({ code: 'storage_unavailable', status: 503 })
    expect(await freshToken()).toBe('old')
  })
})

describe('送る', () => {
  it('401 なら取り直し、同じ本文で一度だけ送り直す', async () => {
    setToken({ access_token: 'old', token_type: 'bearer', expires_in: 900 })
    const bodies: string[] = []
    fetched.mockImplementation(async (request) => {
      if (urlOf(request) === '/api/v1/auth/refresh') return grant('new')
      bodies.push(request instanceof Request ? await request.text() : '')
      return authorization(request) === 'Bearer new' ? json(200, {}) : json(401, { code: 'token_expired' })
    })
    expect((await api('/api/v1/jobs', { method: 'POST', body: 'payload' })).status).toBe(200)
    expect(bodies).toEqual(['payload', 'payload'])
  })

  it('ログインしていない人の 401 では、取り直さない', async () => {
    fetched.mockImplementation(async () => json(401, { code: 'bad_credentials' }))
    expect((await api('/api/v1/auth/login', { method: 'POST' })).status).toBe(401)
    expect(fetched).toHaveBeenCalledTimes(1)
  })
})

describe('失敗をそろえる', () => {
  it('problem+json は、code と欄ごとの誤りを持つ ApiProblem になる', async () => {
    const errors = [{ field: 'name', code: 'taken', message: 'taken' }]
    const pending = Promise.resolve({ error: { code: 'invalid_input', detail: 'no', errors }, response: json(422, {}) })
    await expect(unwrap(pending)).rejects.toMatchObject({ code: 'invalid_input', status: 422, errors })
  })

  it('間の proxy の 502 も、同じ形になる', async () => {
    await expect(unwrap(Promise.resolve({ error: '<html>', response: json(502, {}) }))).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('つながらないことは network になる', () => {
    expect(asProblem(new TypeError('Failed to fetch'))).toBeInstanceOf(ApiProblem)
    expect(asProblem(new TypeError('Failed to fetch')).code).toBe('network')
  })
})
