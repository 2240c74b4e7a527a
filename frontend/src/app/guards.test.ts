import { describe, expect, it } from 'vitest'
import type { RouteLocationNormalized } from 'vue-router'

import { decide } from './guards'

const to = (path: string, meta: RouteLocationNormalized['meta'] = {}): RouteLocationNormalized =>
  ({ path, fullPath: path, meta }) as RouteLocationNormalized
const visitor = (isLoggedIn: boolean, permissions: string[] = [], needsSetup = false) => ({
  needsSetup,
  isLoggedIn,
  mustChangePassword: false,
  canSomewhere: (permission: string) => permissions.includes(permission),
})

describe('行き先', () => {
  it('初回の設定が済むまで、設定の画面だけ', () => {
    expect(decide(to('/jobs'), visitor(false, [], true))).toEqual({ path: '/setup' })
    expect(decide(to('/setup', { public: true }), visitor(false, [], true))).toBe(true)
  })

  it('ログインしていなければ、戻る場所を覚えてログインへ', () => {
    expect(decide(to('/executions/3#L120'), visitor(false))).toEqual({ path: '/login', query: { next: '/executions/3#L120' } })
    expect(decide(to('/'), visitor(false))).toEqual({ path: '/login', query: {} })
    expect(decide(to('/login', { public: true }), visitor(false))).toBe(true)
  })

  it('ログインした人に、ログインの画面は見せない', () => {
    expect(decide(to('/login', { public: true }), visitor(true))).toEqual({ path: '/' })
  })

  it('権限の無い画面は、断りの画面になる', () => {
    expect(decide(to('/servers', { permission: 'server:read' }), visitor(true))).toEqual({ path: '/forbidden' })
    expect(decide(to('/servers', { permission: 'server:read' }), visitor(true, ['server:read']))).toBe(true)
  })

  it('パスワードを替えなければならない人は、その画面だけ。済めば、その画面へは行かない', () => {
    const held = { ...visitor(true, ['server:read']), mustChangePassword: true }
    expect(decide(to('/servers', { permission: 'server:read' }), held)).toEqual({ path: '/change-password' })
    expect(decide(to('/profile'), held)).toEqual({ path: '/change-password' })
    expect(decide(to('/change-password'), held)).toBe(true)
    expect(decide(to('/change-password'), visitor(true))).toEqual({ path: '/' })
  })
})
