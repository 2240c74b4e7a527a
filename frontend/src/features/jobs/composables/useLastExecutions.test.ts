import { describe, expect, it } from 'vitest'

import type { ExecutionSummary } from '@/api'

import { jobRead } from '../testing'
import { withLastExecutions } from './useLastExecutions'

const row = (id: number, jobId: number | null, state: ExecutionSummary['state']): ExecutionSummary =>
  ({ id, job_id: jobId, state, created_at: '2026-11-01T00:00:00Z', finished_at: null }) as ExecutionSummary

describe('ジョブの最後の実行', () => {
  const old = { id: 5, state: 'succeeded', created_at: '2026-11-01T00:00:00Z', finished_at: null }

  it('新しい実行に替わり、同じ実行の状態も進む', () => {
    const jobs = [jobRead({ id: 1, last_execution: old })]
    expect(withLastExecutions(jobs, [row(6, 1, 'running')])[0]?.last_execution).toMatchObject({ id: 6, state: 'running' })
    expect(withLastExecutions(jobs, [row(5, 1, 'failed')])[0]?.last_execution).toMatchObject({ id: 5, state: 'failed' })
  })

  it('前の実行の遅れた知らせでは戻らない', () => {
    const jobs = [jobRead({ id: 1, last_execution: old })]
    expect(withLastExecutions(jobs, [row(4, 1, 'failed')])[0]).toBe(jobs[0])
  })

  it('一度に二つ届いたら新しいほうを、ほかのジョブや消えたジョブの知らせは無視する', () => {
    const jobs = [jobRead({ id: 1 }), jobRead({ id: 2 })]
    const merged = withLastExecutions(jobs, [row(9, 1, 'running'), row(8, 1, 'failed'), row(10, null, 'failed')])
    expect(merged[0]?.last_execution?.id).toBe(9)
    expect(merged[1]).toBe(jobs[1])
  })
})
