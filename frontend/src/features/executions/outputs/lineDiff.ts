import { structuredPatch } from 'diff'

export type DiffKind = 'same' | 'added' | 'removed' | 'gap'

export interface DiffRow {
  kind: DiffKind
  /** いちばん多い出力での行の番号。 */
  oldLine: number | null
  /** この組の出力での行の番号。 */
  newLine: number | null
  text: string
}

/** `rows` が空なら、見える文字は同じ。`null` なら、違いが多すぎて時間内に比べられなかった。 */
export interface DiffResult {
  rows: DiffRow[]
  added: number
  removed: number
}

const CONTEXT = 3
const TIMEOUT_MS = 3000

/** 行ごとの違い。前後三行を添え、そのほかの同じ行は省く。 */
export function diffLines(majority: string, other: string): DiffResult | null {
  const patch = structuredPatch('', '', majority, other, undefined, undefined, { context: CONTEXT, timeout: TIMEOUT_MS })
  if (patch === undefined) return null
  const result: DiffResult = { rows: [], added: 0, removed: 0 }
  for (const hunk of patch.hunks) {
    result.rows.push({ kind: 'gap', oldLine: hunk.oldStart, newLine: hunk.newStart, text: '' })
    let oldLine = hunk.oldStart
    let newLine = hunk.newStart
    for (const line of hunk.lines) {
      const text = line.slice(1)
      if (line.startsWith('+')) {
        result.rows.push({ kind: 'added', oldLine: null, newLine: newLine++, text })
        result.added += 1
      } else if (line.startsWith('-')) {
        result.rows.push({ kind: 'removed', oldLine: oldLine++, newLine: null, text })
        result.removed += 1
      } else if (line.startsWith(' ')) {
        result.rows.push({ kind: 'same', oldLine: oldLine++, newLine: newLine++, text })
      }
    }
  }
  return result
}
