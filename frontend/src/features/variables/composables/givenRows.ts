import type { GivenVariableInputWritable } from '@/api'

import { nameProblem, type NameProblem } from './variableNames'

/** 始めるときに渡す変数の、画面の一行。 */
export interface GivenRow {
  /** 画面の中だけの番号。削除で入力欄が入れ替わらないように。 */
  key: number
  name: string
  value: string
  secret: boolean
}

export type GivenProblem = NameProblem | 'duplicate' | 'valueRequired'

let lastKey = 0

export function newGivenRow(part: Partial<Omit<GivenRow, 'key'>> = {}): GivenRow {
  lastKey += 1
  return { key: lastKey, name: '', value: '', secret: false, ...part }
}

/** 行ごとの誤り(正しい行と、何も書いていない行は `null`)。 */
export function givenProblems(rows: readonly GivenRow[]): (GivenProblem | null)[] {
  const seen = new Set<string>()
  return rows.map((row) => {
    if (isBlank(row)) return null
    const problem = nameProblem(row.name)
    if (problem !== null) return problem
    if (seen.has(row.name)) return 'duplicate'
    seen.add(row.name)
    return row.secret && row.value === '' ? 'valueRequired' : null
  })
}

export function rowsAreGood(rows: readonly GivenRow[]): boolean {
  return givenProblems(rows).every((problem) => problem === null)
}

/** 書きかけの空の行は送らない。 */
export function givenFromRows(rows: readonly GivenRow[]): GivenVariableInputWritable[] {
  return rows
    .filter((row) => !isBlank(row))
    .map(({ name, value, secret }) => ({ name, value, kind: secret ? 'secret' : 'plain' }))
}

function isBlank(row: GivenRow): boolean {
  return row.name === '' && row.value === ''
}
