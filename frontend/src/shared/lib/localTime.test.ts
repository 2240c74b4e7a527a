import { describe, expect, it } from 'vitest'

import { fromLocalInput, toLocalInput } from './localTime'

describe('時刻の入力', () => {
  it('見ている人の時刻で見せ、同じ瞬間に戻る', () => {
    const iso = new Date(2026, 10, 3, 4, 5).toISOString()
    expect(toLocalInput(iso)).toBe('2026-11-03T04:05')
    expect(fromLocalInput(toLocalInput(iso))).toBe(iso)
  })

  it('空や書きかけは、絞り込まない', () => {
    expect(toLocalInput(null)).toBe('')
    expect(fromLocalInput('')).toBe('')
    expect(fromLocalInput('いつか')).toBe('')
  })
})
