import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { UserRead } from '@/api'

import * as api from './api'
import { useSession } from './sessionStore'

vi.mock('./api')

const admin: UserRead = {
  id: 1,
  username: 'admin',
  role: 'admin',
  created_at: '2026-11-01T00:00:00Z',
  has_password: true,
  must_change_password: false,
  preferences: { language: null, theme: null, time_zone: null },
  permissions: ['job:read', 'job:write'],
  projects: [],
}
const token = { access_token: 'x', token_type: 'bearer', expires_in: 900 }
let tokenChanged: (token: string | null) => void = () => {}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.mocked(api.onTokenChange).mockImplementation((listener) => {
    tokenChanged = listener
    return () => true
  })
  vi.mocked(api.setupNeeded).mockResolvedValue(false)
})

describe('ログインの状態', () => {
  it('一度ログインした画面は、読み直しただけで入り直す', async () => {
    vi.mocked(api.logIn).mockResolvedValue(token)
    vi.mocked(api.enterWith).mockResolvedValue(admin)
    await useSession().logIn('admin', 'secret')
    setActivePinia(createPinia())
    vi.mocked(api.resumeSession).mockResolvedValue(admin)
    const session = useSession()
    await Promise.all([session.load(), session.load()])
    expect(session.isLoggedIn).toBe(true)
    expect(session.can('job:write')).toBe(true)
    expect(session.can('user:write')).toBe(false)
    expect(api.resumeSession).toHaveBeenCalledTimes(1)
  })

  it('初めての画面は更新を試さず、初回の設定が要るかだけを尋ねる', async () => {
    vi.mocked(api.setupNeeded).mockResolvedValue(true)
    vi.mocked(api.enterWith).mockResolvedValue(admin)
    vi.mocked(api.resumeSession).mockClear()
    const session = useSession()
    await session.load()
    expect(api.resumeSession).not.toHaveBeenCalled()
    expect(session.needsSetup).toBe(true)
    await session.enter(token)
    expect(session.needsSetup).toBe(false)
    expect(session.user?.username).toBe('admin')
  })

  it('最初の問い合わせに失敗しても、次にもう一度試す', async () => {
    vi.mocked(api.setupNeeded).mockRejectedValueOnce(new TypeError('offline')).mockResolvedValueOnce(true)
    const session = useSession()
    await expect(session.load()).rejects.toThrow('offline')
    await session.load()
    expect(session.needsSetup).toBe(true)
  })

  it('プロジェクトの役割は、そのプロジェクトでだけ効く', async () => {
    const member: UserRead = {
      ...admin,
      role: null,
      permissions: [],
      projects: [{ id: 7, role: 'editor', permissions: ['job:read', 'job:write'] }],
    }
    vi.mocked(api.logIn).mockResolvedValue(token)
    vi.mocked(api.enterWith).mockResolvedValue(member)
    const session = useSession()
    await session.logIn('member', 'secret')
    expect(session.can('job:write', 7)).toBe(true)
    expect(session.can('job:write', 8)).toBe(false)
    expect(session.can('job:write')).toBe(false)
    expect(session.canSomewhere('job:write')).toBe(true)
    expect(session.canSomewhere('user:write')).toBe(false)
  })

  it('通行証がなくなると、ログインしていない状態に戻る', async () => {
    vi.mocked(api.logIn).mockResolvedValue(token)
    vi.mocked(api.enterWith).mockResolvedValue(admin)
    const session = useSession()
    await session.logIn('admin', 'secret')
    expect(session.isLoggedIn).toBe(true)
    tokenChanged(null)
    expect(session.isLoggedIn).toBe(false)
    expect(session.can('job:read')).toBe(false)
  })
})
