/** 一番上に見えている行と、その行の隠れている高さ。 */
export interface Anchor {
  line: number
  offset: number
}

// Chromium は一つの要素を、実際の倍率が 2 の画面で 16,777,214 px までしか伸ばせない。その半分に抑える
export const MAX_SPACER_PX = 8_000_000

/**
 * 巻物の位置(`scrollTop`)と、行の間の写し。
 *
 * 行は何千万あってもよく、折り返しで高さが違ってもよい。小さな動きは一画素ずつ正確に、
 * 大きな動き(つまみを引く)は割合で写す。両端の画面二つ分は等倍なので、端の行を飛ばさない。
 */
export class ScrollModel {
  readonly rowHeight: number
  lines = 0
  viewport = 0
  line = 0
  offset = 0
  scrollTop = 0
  /** 折り返すとき、画面にある行の本当の高さ。折り返さないなら `null`。 */
  #heights: Map<number, number> | null = null
  #average: number

  constructor(rowHeight: number) {
    this.rowHeight = rowHeight
    this.#average = rowHeight
  }

  get wraps(): boolean {
    return this.#heights !== null
  }

  set wraps(on: boolean) {
    this.#heights = on ? new Map() : null
    this.#average = this.rowHeight
    this.offset = 0
  }

  get total(): number {
    return this.lines * this.#average
  }

  get spacer(): number {
    return Math.max(this.viewport, Math.min(this.total, MAX_SPACER_PX))
  }

  /** 見えている最初の行の上端の、巻物の中での位置。 */
  get top(): number {
    return this.scrollTop - this.offset
  }

  heightOf(line: number): number {
    return this.#heights?.get(line) ?? this.#average
  }

  /** 画面にある行を測った。画面に無い行の高さは忘れる。 */
  measured(heights: Map<number, number>): void {
    if (this.#heights === null || heights.size === 0) return
    this.#heights = heights
    let sum = 0
    for (const height of heights.values()) sum += height
    const mean = Math.max(this.rowHeight, sum / heights.size)
    // 全部の行が見えているなら正確に、そうでなければ巻物の長さが跳ねないように少しずつ寄せる
    this.#average = heights.size >= this.lines ? mean : this.#average + (mean - this.#average) * 0.2
  }

  /** 行の並びが変わった。同じ番号が、もう同じ行ではない。 */
  rearranged(): void {
    if (this.#heights !== null) this.#heights = new Map()
  }

  /** 最後の行の下端が、画面の下端に来る位置。 */
  endAnchor(): Anchor {
    let line = this.lines
    let room = this.viewport
    while (line > 0 && room > 0) {
      line -= 1
      room -= this.heightOf(line)
    }
    return { line, offset: Math.max(0, -room) }
  }

  get atEnd(): boolean {
    const end = this.endAnchor()
    return this.line > end.line || (this.line === end.line && this.offset >= end.offset - 2)
  }

  get atStart(): boolean {
    return this.line === 0 && this.offset <= 0
  }

  goTo(anchor: Anchor): void {
    this.line = Math.min(Math.max(0, anchor.line), Math.max(0, this.lines - 1))
    this.offset = anchor.offset
    this.#clamp()
  }

  /** 一画素ずつの動き。 */
  move(pixels: number): void {
    this.offset += pixels
    while (this.offset >= this.heightOf(this.line) && this.line < this.lines - 1) {
      this.offset -= this.heightOf(this.line)
      this.line += 1
    }
    while (this.offset < 0 && this.line > 0) {
      this.line -= 1
      this.offset += this.heightOf(this.line)
    }
    this.#clamp()
  }

  /** ブラウザが動かした。`true` なら、巻物の位置を `idealScrollTop` に直す必要がある。 */
  scrolled(to: number): boolean {
    const by = to - this.scrollTop
    this.scrollTop = to
    if (Math.abs(by) <= this.viewport * 2) this.move(by)
    else this.#jump(this.#topAt(to))
    const max = this.spacer - this.viewport
    return (to <= 0 && !this.atStart) || (to >= max - 1 && !this.atEnd)
  }

  /** 今の行に釣り合う、巻物の位置。 */
  get idealScrollTop(): number {
    const max = this.spacer - this.viewport
    const end = this.total - this.viewport
    const top = this.#estimatedTop()
    const edge = this.#edge()
    if (end <= max || top <= edge) return Math.min(Math.max(0, top), max)
    if (top >= end - edge) return Math.max(0, max - (end - top))
    return edge + ((top - edge) * (max - 2 * edge)) / (end - 2 * edge)
  }

  #topAt(scrollTop: number): number {
    const max = this.spacer - this.viewport
    const end = this.total - this.viewport
    const edge = this.#edge()
    if (end <= max || scrollTop <= edge) return scrollTop
    if (scrollTop >= max - edge) return end - (max - scrollTop)
    return edge + ((scrollTop - edge) * (end - 2 * edge)) / (max - 2 * edge)
  }

  #edge(): number {
    return Math.min(this.viewport * 2, (this.spacer - this.viewport) / 4)
  }

  #jump(top: number): void {
    const line = Math.floor(top / this.#average)
    this.goTo({ line, offset: Math.max(0, top - line * this.#average) })
  }

  #estimatedTop(): number {
    const share = this.offset / Math.max(1, this.heightOf(this.line))
    const guess = (this.line + share) * this.#average
    if (this.#heights === null) return guess
    const left = this.#measuredRemainder()
    return left === null ? guess : this.total - this.viewport - left
  }

  /** 今の画面の下端から、最後の行までの高さ。測っていない行があれば `null`。 */
  #measuredRemainder(): number | null {
    let left = -this.offset - this.viewport
    for (let line = this.line; line < this.lines; line += 1) {
      const height = this.#heights?.get(line)
      if (height === undefined) return null
      left += height
    }
    return Math.max(0, left)
  }

  #clamp(): void {
    const end = this.endAnchor()
    if (this.line > end.line || (this.line === end.line && this.offset > end.offset)) Object.assign(this, end)
    if (this.line <= 0 && this.offset < 0) Object.assign(this, { line: 0, offset: 0 })
  }
}
