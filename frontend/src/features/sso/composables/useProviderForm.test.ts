import { describe, expect, it } from 'vitest'

import type { ProviderRead } from '@/api'

import { formFrom, inputFrom, useProviderForm } from './useProviderForm'

const stored: ProviderRead = {
  id: 3,
  name: 'Company ID',
  issuer: 'https://id.example.com',
  client_id: 'tsubame',
  has_client_secret: true,
  scopes: 'openid',
  username_claim: 'email',
  group_claim: 'groups',
  rules: [{ group: 'ops', project_id: null, role: 'operator' }],
  default_role: null,
  creates_users: false,
  trusts_second_factor: true,
  enabled: true,
  position: 2,
  updated_at: '2026-11-01T00:00:00Z',
  version: 7,
}

describe('提供者の書式', () => {
  it('読んだものをそのまま保存すると、秘密は送らない', () => {
    const input = inputFrom(formFrom(stored))
    expect(input).not.toHaveProperty('client_secret')
    expect(input).not.toHaveProperty('version')
    expect(input).toMatchObject({ name: 'Company ID', creates_users: false, rules: stored.rules })
  })

  it('打った秘密だけを送る', () => {
    expect(inputFrom({ ...formFrom(stored), client_secret: 'new' }).client_secret).toBe('new')
  })

  it('打つと書きかけになり、保存すると戻る', () => {
    const { form, dirty, version, fill, saved } = useProviderForm()
    fill(stored)
    expect([dirty.value, version.value]).toEqual([false, 7])
    form.rules.push({ group: 'leads', project_id: 1, role: 'admin' })
    expect(dirty.value).toBe(true)
    expect(stored.rules).toHaveLength(1)
    saved()
    expect(dirty.value).toBe(false)
  })
})
