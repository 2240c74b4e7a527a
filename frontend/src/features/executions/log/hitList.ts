/** 見つかった行。番号は 1 から、位置は行の始まりのバイト。 */
export interface Hit {
  line: number
  byte: number
  /** 当たった文字。 */
  matched: string
  /** 行の一部。読み上げと一覧のため。 */
  text: string
}

/** 見えている行。1 から、両端を含む。 */
export interface LineWindow {
  first: number
  last: number
}

/** 次(前)の番号。今いるところが見えていればその隣、離れていれば見えているところから。端の次は反対の端。 */
export function stepHit(hits: HitList, current: number | null, window: LineWindow, direction: 1 | -1): number | null {
  if (hits.length === 0) return null
  const now = current === null ? null : hits.get(current)
  const seen = now !== null && now.line >= window.first && now.line <= window.last
  const near = direction > 0 ? hits.firstFrom(window.first) : hits.firstFrom(window.last + 1) - 1
  const next = seen && current !== null ? current + direction : near
  return (next + hits.length) % hits.length
}

/** 行の順に並んだ、見つかったもの。 */
export class HitList {
  #hits: Hit[] = []

  get length(): number {
    return this.#hits.length
  }

  get last(): Hit | null {
    return this.#hits.at(-1) ?? null
  }

  lines(): number[] {
    return this.#hits.map((hit) => hit.line)
  }

  get(index: number): Hit | null {
    return this.#hits[index] ?? null
  }

  on(line: number): Hit | null {
    const hit = this.#hits[this.firstFrom(line)]
    return hit?.line === line ? hit : null
  }

  /** その行か、その後の、最初のもの。無ければ `length`。 */
  firstFrom(line: number): number {
    let low = 0
    let high = this.#hits.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#hits[middle]?.line ?? Infinity) < line) low = middle + 1
      else high = middle
    }
    return low
  }

  add(hit: Hit): void {
    this.#hits.push(hit)
  }

  /** この位置から後を、探し直すために捨てる。捨てた数を返す。 */
  dropFrom(byte: number): number {
    const kept = this.#hits.findLastIndex((hit) => hit.byte < byte) + 1
    const dropped = this.#hits.length - kept
    this.#hits.length = kept
    return dropped
  }
}
