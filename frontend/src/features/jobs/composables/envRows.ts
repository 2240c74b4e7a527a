export interface EnvRow {
  /** 画面の中だけの番号。並べ替えや削除で入力欄が入れ替わらないように。 */
  key: number
  name: string
  value: string
}

/** 誤りの名前。訳は `jobs.rule.<名前>`。 */
export type EnvProblem = 'envNameRequired' | 'envName' | 'envReserved' | 'envDuplicate' | 'envNul'

// POSIX.1-2024 XBD 8.1: 英数字と _ だけ、数字で始めない
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const RESERVED = /^TSUBAME_/

let lastKey = 0

export function newEnvRow(name = '', value = ''): EnvRow {
  lastKey += 1
  return { key: lastKey, name, value }
}

export function rowsFromEnv(env: Readonly<Record<string, string>>): EnvRow[] {
  return Object.entries(env).map(([name, value]) => newEnvRow(name, value))
}

/** 書きかけの空の行は保存しない。 */
export function envFromRows(rows: readonly EnvRow[]): Record<string, string> {
  return Object.fromEntries(rows.filter((row) => !isBlank(row)).map((row) => [row.name, row.value]))
}

export function isBlank(row: EnvRow): boolean {
  return row.name === '' && row.value === ''
}

/** 行ごとの誤り(正しい行は `null`)。 */
export function envProblems(rows: readonly EnvRow[]): (EnvProblem | null)[] {
  const seen = new Set<string>()
  return rows.map((row) => {
    if (isBlank(row)) return null
    if (row.name === '') return 'envNameRequired'
    if (!NAME.test(row.name)) return 'envName'
    if (RESERVED.test(row.name)) return 'envReserved'
    if (seen.has(row.name)) return 'envDuplicate'
    seen.add(row.name)
    return row.value.includes('\0') ? 'envNul' : null
  })
}

/** サーバの欄の名前は `env.<名前>`(または `env.<名前>.value`)。変数の名前ごとの文にする。 */
export function envServerErrors(errors: readonly { field: string; message: string }[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const error of errors) {
    const [root, name] = error.field.split('.')
    if (root === 'env' && name !== undefined) found[name] = error.message
  }
  return found
}
