import { describe, expect, it } from 'vitest'

import type { DashboardRead, ExecutionState, ExecutionSummary, JobRead } from '@/api'

import { applyRows, recentJobs } from './live'

const row = (id: number, state: ExecutionState): ExecutionSummary => ({ id, state }) as ExecutionSummary
const dashboard = { running: [row(5, 'running'), row(3, 'queued')], failed: [row(2, 'failed')] } as DashboardRead
const ids = (rows: ExecutionSummary[]): number[] => rows.map((item) => item.id)

describe('流れてきた行でダッシュボードが動く', () => {
  it('新しい実行は先頭に現れ、終わった実行は消える', () => {
    const next = applyRows(dashboard, [row(6, 'queued'), row(5, 'succeeded')])
    expect(ids(next.running)).toEqual([6, 3])
    expect(ids(next.failed)).toEqual([2])
  })

  it('失敗で終わると、動いている列から失敗の列へ移る', () => {
    const next = applyRows(dashboard, [row(5, 'partially_failed')])
    expect(ids(next.running)).toEqual([3])
    expect(ids(next.failed)).toEqual([5, 2])
  })

  it('失敗の列は十件まで', () => {
    const many = Array.from({ length: 12 }, (_, index) => row(10 + index, 'lost'))
    expect(ids(applyRows(dashboard, many).failed)).toEqual([21, 20, 19, 18, 17, 16, 15, 14, 13, 12])
  })
})

describe('すぐに実行するジョブ', () => {
  const job = (name: string, last: number | null, enabled = true): JobRead =>
    ({ name, enabled, last_execution: last === null ? null : { id: last } }) as JobRead

  it('最近動かした順で、無効なものは出さず、六つまで', () => {
    const jobs = [job('b', null), job('a', null), job('old', 1), job('off', 99, false), job('new', 9), job('c', 2), job('d', 3), job('e', 4)]
    expect(recentJobs(jobs).map((item) => item.name)).toEqual(['new', 'e', 'd', 'c', 'old', 'a'])
  })
})
