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

/** ここ(行の始まり)より前に、当たりが `matches` 行。 */
export interface Waypoint {
  line: number
  byte: number
  matches: number
}

/** 次(前)の番号。今いるところが見えていればその隣、離れていれば見えているところから。端の次は反対の端。 */
export function stepHit(hits: HitList, current: number | null, window: LineWindow, direction: 1 | -1): number | null {
  if (hits.length === 0) return null
  const near = direction > 0 ? hits.firstFrom(window.first) : hits.firstFrom(window.last + 1) - 1
  const next = isSeen(hits, current, window) ? current + direction : near
  return (next + hits.length) % hits.length
}

export function isSeen(hits: HitList, current: number | null, window: LineWindow): current is number {
  const line = current === null ? null : (hits.get(current)?.line ?? null)
  return line !== null && line >= window.first && line <= window.last
}

/** 行の順に並んだ、手元に持つ当たり。全部の中の `offset` 番目(0 から)から続く。 */
export class HitList {
  readonly offset: number
  #hits: Hit[] = []

  constructor(offset = 0) {
    this.offset = offset
  }

  get length(): number {
    return this.#hits.length
  }

  /** 手元の最後の次の番号。 */
  get end(): number {
    return this.offset + this.#hits.length
  }

  get first(): Hit | null {
    return this.#hits[0] ?? null
  }

  get last(): Hit | null {
    return this.#hits.at(-1) ?? null
  }

  lines(): number[] {
    return this.#hits.map((hit) => hit.line)
  }

  /** 全部の中の番号で。手元になければ無い。 */
  get(index: number): Hit | null {
    return this.#hits[index - this.offset] ?? null
  }

  on(line: number): Hit | null {
    const hit = this.#hits[this.#near(line)]
    return hit?.line === line ? hit : null
  }

  /** その行か、その後の、最初のものの番号。手元より後なら `end`。 */
  firstFrom(line: number): number {
    return this.offset + this.#near(line)
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

  #near(line: number): number {
    let low = 0
    let high = this.#hits.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#hits[middle]?.line ?? Infinity) < line) low = middle + 1
      else high = middle
    }
    return low
  }
}
