import { describe, expect, it } from 'vitest'

import { diffLines } from './lineDiff'

const numbered = (change: Record<number, string> = {}): string =>
  Array.from({ length: 30 }, (_, i) => `${change[i + 1] ?? `line ${i + 1}`}\n`).join('')

describe('行ごとの違い', () => {
  it('変わった行に印と両側の番号を付け、前後三行だけを添える', () => {
    const result = diffLines(numbered(), numbered({ 15: 'changed' }))
    expect(result?.rows.map((row) => [row.kind, row.oldLine, row.newLine, row.text])).toEqual([
      ['gap', 12, 12, ''],
      ['same', 12, 12, 'line 12'],
      ['same', 13, 13, 'line 13'],
      ['same', 14, 14, 'line 14'],
      ['removed', 15, null, 'line 15'],
      ['added', null, 15, 'changed'],
      ['same', 16, 16, 'line 16'],
      ['same', 17, 17, 'line 17'],
      ['same', 18, 18, 'line 18'],
    ])
    expect(result).toMatchObject({ added: 1, removed: 1 })
  })

  it('離れた違いは別の場所として見せ、増えた分だけ番号がずれる', () => {
    const result = diffLines(numbered(), numbered({ 2: 'line 2\nnew', 28: 'changed' }))
    expect(result?.rows.filter((row) => row.kind === 'gap').map((row) => [row.oldLine, row.newLine])).toEqual([[1, 1], [25, 26]])
    expect(result).toMatchObject({ added: 2, removed: 1 })
  })

  it('同じなら行はない', () => {
    expect(diffLines(numbered(), numbered())).toEqual({ rows: [], added: 0, removed: 0 })
  })

  it('最後の改行だけの違いも、違いとして数える', () => {
    expect(diffLines('a\nb', 'a\nb\n')).toMatchObject({ added: 1, removed: 1 })
  })

  it('空の出力との違いは、全部が増えた行', () => {
    expect(diffLines('', 'a\nb\n')).toMatchObject({ added: 2, removed: 0 })
  })
})
