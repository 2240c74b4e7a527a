/** 行の並び。0 から、両端を含む。まだ閉じていないものの `last` は `Infinity`。 */
export interface LineSpan {
  first: number
  last: number
}

function merged(spans: readonly LineSpan[]): LineSpan[] {
  const sorted = [...spans].sort((a, b) => a.first - b.first)
  const result: LineSpan[] = []
  for (const span of sorted) {
    const last = result.at(-1)
    if (last && span.first <= last.last + 1) last.last = Math.max(last.last, span.last)
    else if (span.last >= span.first) result.push({ ...span })
  }
  return result
}

/**
 * 画面の段(row)と、ログの行(line)の写し。どちらも 0 から。
 *
 * 覚えるのは隠れている並びだけなので、1 千万行でも大きさは畳んだ数にしかよらない。写すのは二分探索一回。
 */
export class RowMap {
  readonly #hidden: readonly LineSpan[]
  /** i 番目の並びより前に、隠れている行の数。 */
  readonly #before: number[] = []

  constructor(hidden: readonly LineSpan[] = []) {
    this.#hidden = merged(hidden)
    let sum = 0
    for (const { first, last } of this.#hidden) {
      this.#before.push(sum)
      sum += last - first + 1
    }
  }

  /** `lines` 行のログの、段の数。 */
  rowCount(lines: number): number {
    const at = this.#lastWhere((span) => span.first < lines)
    const span = this.#hidden[at]
    if (span === undefined) return lines
    return lines - (this.#before[at] ?? 0) - (Math.min(span.last, lines - 1) - span.first + 1)
  }

  isHidden(line: number): boolean {
    const span = this.#hidden[this.#lastWhere(({ first }) => first <= line)]
    return span !== undefined && line <= span.last
  }

  /** その行の段。隠れていれば、隠している段(すぐ上に見えている行)。 */
  rowOf(line: number): number {
    const at = this.#lastWhere((span) => span.first <= line)
    const span = this.#hidden[at]
    if (span === undefined) return line
    const before = this.#before[at] ?? 0
    return line <= span.last ? Math.max(0, span.first - before - 1) : line - before - (span.last - span.first + 1)
  }

  lineOf(row: number): number {
    const at = this.#lastWhere((span, i) => span.first - (this.#before[i] ?? 0) <= row)
    const span = this.#hidden[at]
    if (span === undefined) return row
    if (span.last === Infinity) return span.first - 1
    return row + (this.#before[at] ?? 0) + (span.last - span.first + 1)
  }

  /** `[firstRow, lastRow]` の段に見えている行を、続いている並びごとに。 */
  spans(firstRow: number, lastRow: number): LineSpan[] {
    const result: LineSpan[] = []
    for (let row = firstRow; row <= lastRow; row += 1) {
      const line = this.lineOf(row)
      const last = result.at(-1)
      if (last && line === last.last + 1) last.last = line
      else result.push({ first: line, last: line })
    }
    return result
  }

  /** 条件を満たす最後の並び。条件は、前の方から続けて満たされる。 */
  #lastWhere(holds: (span: LineSpan, index: number) => boolean): number {
    let low = 0
    let high = this.#hidden.length
    while (low < high) {
      const middle = (low + high) >> 1
      const span = this.#hidden[middle]
      if (span !== undefined && holds(span, middle)) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}
