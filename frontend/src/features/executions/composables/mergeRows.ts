import type { ExecutionSummary } from '@/api'

export interface MergeOptions {
  /** 新しい行を入れてよいか(最初のページを見ているとき)。 */
  acceptNew: boolean
  /** 絞り込みに合うか。`null` は、行だけでは決められない。 */
  matches: (row: ExecutionSummary) => boolean | null
  /** これより長くしない。 */
  limit: number
}

export interface MergeResult {
  rows: ExecutionSummary[]
  /** 行だけでは決められない新しい実行があった。読み直すこと。 */
  uncertain: boolean
}

/**
 * 流れてきた行を一覧に重ねる。
 *
 * 見えている行はその場で変える。絞り込みから外れても消さない: 見ている途中で行が消えると、
 * 何が起きたか分からなくなるため。新しい行は番号の大きい順の位置に入れる。
 */
export function mergeRows(
  rows: readonly ExecutionSummary[],
  incoming: readonly ExecutionSummary[],
  options: MergeOptions,
): MergeResult {
  const changed = new Map(incoming.map((row) => [row.id, row]))
  const merged = rows.map((row) => changed.get(row.id) ?? row)
  const known = new Set(rows.map((row) => row.id))
  const newest = rows[0]?.id ?? 0
  let uncertain = false
  if (options.acceptNew) {
    for (const row of changed.values()) {
      // 古い実行の変化は、このページの外の話なので入れない
      if (known.has(row.id) || row.id < newest) continue
      const fits = options.matches(row)
      if (fits === null) uncertain = true
      else if (fits) merged.push(row)
    }
    merged.sort((a, b) => b.id - a.id)
  }
  return { rows: merged.slice(0, Math.max(options.limit, rows.length)), uncertain }
}
