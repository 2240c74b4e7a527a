import { describe, expect, it } from 'vitest'
import { executionSummary } from '../testing'
import {
  countFilters,
  filtersFromQuery,
  matches,
  noFilters,
  queryFromFilters,
} from './executionFilters'

describe('絞り込みと URL', () => {
  it('書いて読むと、元の絞り込みに戻る', () => {
    const filters = {
      states: ['running' as const, 'failed' as const],
      kind: 'job' as const,
      jobId: 3,
      serverId: 4,
      userId: 5,
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-02T00:00:00.000Z',
    }
    const query = queryFromFilters(filters)
    expect(filtersFromQuery(query as never)).toEqual(filters)
    expect(countFilters(filters)).toBe(7)
  })

  it('空の絞り込みは URL に何も書かない', () => {
    expect(queryFromFilters(noFilters())).toEqual({})
  })

  it('手で壊した URL の値は捨て、残りを使う', () => {
    const query = { state: ['failed', 'nonsense'], job: 'abc', server: '-1', from: 'yesterday', user: '7' }
    expect(filtersFromQuery(query)).toEqual({ ...noFilters(), states: ['failed'], userId: 7 })
  })

  it('状態が一つだけの URL(配列でない)も読める', () => {
    expect(filtersFromQuery({ state: 'lost' }).states).toEqual(['lost'])
  })
})

describe('行が絞り込みに合うか', () => {
  const row = executionSummary({ id: 9, state: 'failed', job_id: 3, created_at: '2026-11-01T12:00:00Z' })

  it('状態・ジョブ・時刻を見る', () => {
    expect(matches(row, noFilters())).toBe(true)
    expect(matches(row, { ...noFilters(), states: ['succeeded'] })).toBe(false)
    expect(matches(row, { ...noFilters(), jobId: 4 })).toBe(false)
    expect(matches(row, { ...noFilters(), kind: 'ad_hoc' })).toBe(false)
    expect(matches(row, { ...noFilters(), from: '2026-11-01T12:00:00Z' })).toBe(true)
    expect(matches(row, { ...noFilters(), to: '2026-11-01T12:00:00Z' })).toBe(false)
  })

  it('サーバで絞っているときは、行だけでは決められない', () => {
    expect(matches(row, { ...noFilters(), serverId: 1 })).toBeNull()
    expect(matches(row, { ...noFilters(), serverId: 1, jobId: 99 })).toBe(false)
  })
})
