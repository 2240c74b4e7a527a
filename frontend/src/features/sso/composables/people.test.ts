import { describe, expect, it } from 'vitest'

import type { SignInPersonRead } from '@/api'

import { unprepared } from './people'

const person = (changes: Partial<SignInPersonRead>): SignInPersonRead => ({
  user_id: 1,
  username: 'yuki',
  role: 'admin',
  disabled: false,
  second_factor_since: null,
  required: false,
  ...changes,
})

describe('二段階を求めたとき、まだ用意のない人', () => {
  it('その役割で、使っていない人だけを数える', () => {
    const people = [person({}), person({ role: 'viewer' }), person({ second_factor_since: '2026-11-01T00:00:00Z' })]
    expect(unprepared(people, ['admin'])).toBe(1)
    expect(unprepared(people, ['admin', 'viewer'])).toBe(2)
    expect(unprepared(people, [])).toBe(0)
  })

  it('止められた人は数えない', () => {
    expect(unprepared([person({ disabled: true })], ['admin'])).toBe(0)
  })

  it('プロジェクトの役割だけの人は、いま求められていれば数える', () => {
    expect(unprepared([person({ role: null, required: true })], ['editor'])).toBe(1)
    expect(unprepared([person({ role: null, required: false })], ['editor'])).toBe(0)
  })
})
