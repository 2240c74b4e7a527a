import { describe, expect, it } from 'vitest'
import { executionSummary } from '../testing'
import { mergeRows } from './mergeRows'

const rows = [executionSummary({ id: 5 }), executionSummary({ id: 3 })]
const open = { acceptNew: true, matches: () => true, limit: 3 }

describe('流れてきた行を重ねる', () => {
  it('見えている行は、位置を変えずに中身だけ変わる', () => {
    const { rows: merged } = mergeRows(rows, [executionSummary({ id: 3, state: 'failed' })], open)
    expect(merged.map((row) => [row.id, row.state])).toEqual([
      [5, 'running'],
      [3, 'failed'],
    ])
  })

  it('新しい実行は先頭に現れ、長さの上限から古い行がこぼれる', () => {
    const incoming = [executionSummary({ id: 6 }), executionSummary({ id: 8 })]
    expect(mergeRows(rows, incoming, open).rows.map((row) => row.id)).toEqual([8, 6, 5])
  })

  it('このページより古い実行の変化では、行が増えない', () => {
    expect(mergeRows(rows, [executionSummary({ id: 4 })], open).rows.map((row) => row.id)).toEqual([5, 3])
  })

  it('二ページ目では新しい行を入れない', () => {
    const result = mergeRows(rows, [executionSummary({ id: 9 })], { ...open, acceptNew: false })
    expect(result.rows.map((row) => row.id)).toEqual([5, 3])
  })

  it('絞り込みに合わない新しい行は入れず、見えている行は外れても消さない', () => {
    const incoming = [executionSummary({ id: 9 }), executionSummary({ id: 5, state: 'succeeded' })]
    const result = mergeRows(rows, incoming, { ...open, matches: () => false })
    expect(result.rows.map((row) => [row.id, row.state])).toEqual([
      [5, 'succeeded'],
      [3, 'running'],
    ])
    expect(result.uncertain).toBe(false)
  })

  it('行だけでは決められない新しい実行は、読み直しを求める', () => {
    const result = mergeRows(rows, [executionSummary({ id: 9 })], { ...open, matches: () => null })
    expect(result).toEqual({ rows, uncertain: true })
  })
})
