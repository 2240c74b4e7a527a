import { describe, expect, it } from 'vitest'

import { growthDays, growthPerDay } from './growth'

const sample = (day: string, table: number, archive = 0) => ({ day, table_bytes: table, archive_bytes: archive })

describe('growth', () => {
  it('測らなかった日も、空けて並べる', () => {
    const days = growthDays([sample('2026-11-22', 5)], 3, Date.parse('2026-11-24T10:00:00Z'))
    expect(days.map(({ day, sample: found }) => [day, found?.table_bytes ?? null])).toEqual([
      ['2026-11-22', 5],
      ['2026-11-23', null],
      ['2026-11-24', null],
    ])
  })

  it('一日あたりの伸びは、表と保管先を合わせ、抜けた日も数える', () => {
    expect(growthPerDay([sample('2026-11-20', 100), sample('2026-11-24', 100, 400)])).toBe(100)
  })

  it('一日分しかなければ、伸びは分からない', () => {
    expect(growthPerDay([sample('2026-11-20', 100)])).toBeNull()
    expect(growthPerDay([])).toBeNull()
  })
})
