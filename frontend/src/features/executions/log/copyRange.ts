import { MAX_LINES } from './api'
import type { FetchLines } from './blockLoader'
import { splitLines } from './lineBlocks'
import { copyableText } from './rowView'
import type { LineRange } from './useLineHash'

/** クリップボードへ入れる上限。これより大きいものは、落としてもらう。 */
export const COPY_LIMIT_BYTES = 10_000_000

/**
 * 読み込んでいない行も含めて、範囲の文字を集める。上限を超えたら `null`。
 * 残っていない行は、黙って抜かずに `missing` の一行にする。
 */
export async function readRange(
  fetch: FetchLines,
  range: LineRange,
  missing: (from: number, to: number) => string,
  signal: AbortSignal,
): Promise<string | null> {
  const lines: string[] = []
  let bytes = 0
  for (let from = range.from; from <= range.to; ) {
    const slice = await fetch(from, Math.min(MAX_LINES, range.to - from + 1), signal)
    bytes += slice.bytes.length
    if (slice.truncated || bytes > COPY_LIMIT_BYTES) return null
    if (slice.lineCount === 0) break
    // 残っていない行の中から頼むと、その後の行から届く
    if (slice.firstLine > from) lines.push(missing(from, Math.min(range.to, slice.firstLine - 1)))
    lines.push(...splitLines(slice.bytes).slice(0, Math.max(0, range.to - slice.firstLine + 1)).map(copyableText))
    from = slice.firstLine + slice.lineCount
  }
  return lines.join('\n')
}
