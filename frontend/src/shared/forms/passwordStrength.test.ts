import { describe, expect, it } from 'vitest'
import { passwordStrength } from './passwordStrength'

describe('パスワードの長さ', () => {
  it('足りない文字の数を言う', () => {
    expect(passwordStrength('')).toEqual({ level: 'short', percent: 0, missing: 10 })
    expect(passwordStrength('x'.repeat(9))).toMatchObject({ level: 'short', missing: 1 })
  })

  it('十文字から使え、十六文字で十分になる', () => {
    expect(passwordStrength('x'.repeat(10)).level).toBe('fair')
    expect(passwordStrength('x'.repeat(16))).toEqual({ level: 'good', percent: 100, missing: 0 })
    expect(passwordStrength('x'.repeat(99)).percent).toBe(100)
  })

  it('絵文字も一文字と数える', () => {
    expect(passwordStrength('🐦'.repeat(10)).missing).toBe(0)
  })
})
