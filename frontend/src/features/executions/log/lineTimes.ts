import type { TimeMark } from './api'
import type { LineSpan } from './rowMap'

export type FetchTimes = (from: number, count: number, signal: AbortSignal) => Promise<TimeMark[]>

interface Block {
  marks: readonly TimeMark[]
  /** 読んだときの、全体の行の数。この先は、まだ分からない。 */
  known: number
}

const BLOCK = 1000
const KEPT_BLOCKS = 60
const PAUSE_MS = 150
/** 伸びているログの末尾を、届くたびに読み直さない。 */
const RETRY_MS = 1000

/** 見えている行が届いた時刻。千行ずつ覚え、手が止まってから読む。 */
export class LineTimes {
  readonly #fetch: FetchTimes
  readonly #onChange: () => void
  readonly #blocks = new Map<number, Block>()
  #wanted: readonly LineSpan[] = []
  #lines = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort: AbortController | null = null

  constructor(fetch: FetchTimes, onChange: () => void) {
    this.#fetch = fetch
    this.#onChange = onChange
  }

  /** 行(0 から)が届いた Unix 時刻(ミリ秒)。まだ知らなければ `null`。 */
  at(line: number): number | null {
    const block = this.#blocks.get(Math.floor(line / BLOCK))
    if (block === undefined || line >= block.known) return null
    let low = 0
    let high = block.marks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((block.marks[middle]?.line ?? Infinity) <= line + 1) low = middle + 1
      else high = middle
    }
    return block.marks[low - 1]?.at_ms ?? null
  }

  /** これらの行を見ている。前の行との差のため、一つ前の行も。 */
  want(spans: readonly LineSpan[], lines: number): void {
    this.#wanted = spans
    this.#lines = lines
    if (this.#timer === undefined && this.#abort === null && this.#missing() !== null) this.#later(PAUSE_MS)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#abort?.abort()
    this.#abort = null
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#load()
    }, ms)
  }

  /** まだ知らない行のある、最初のブロック。 */
  #missing(): number | null {
    for (const { first, last } of this.#wanted) {
      for (let line = Math.max(0, first - 1); line <= last && line < this.#lines; line = (Math.floor(line / BLOCK) + 1) * BLOCK) {
        const index = Math.floor(line / BLOCK)
        const end = Math.min(last, this.#lines - 1, (index + 1) * BLOCK - 1)
        if ((this.#blocks.get(index)?.known ?? 0) <= end) return index
      }
    }
    return null
  }

  async #load(): Promise<void> {
    const index = this.#missing()
    if (index === null) return
    const mine = (this.#abort = new AbortController())
    const again = this.#blocks.has(index)
    const known = this.#lines
    let pause = again ? RETRY_MS : 0
    try {
      const marks = await this.#fetch(index * BLOCK + 1, BLOCK, mine.signal)
      if (mine.signal.aborted) return
      this.#put(index, { marks, known })
      this.#onChange()
    } catch {
      // 時刻が無くてもログは読める。しばらくしてやり直す
      pause = RETRY_MS * 5
    } finally {
      if (this.#abort === mine) this.#abort = null
    }
    if (!mine.signal.aborted && this.#missing() !== null) this.#later(pause)
  }

  #put(index: number, block: Block): void {
    this.#blocks.delete(index)
    this.#blocks.set(index, block)
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= KEPT_BLOCKS) return
      this.#blocks.delete(oldest)
    }
  }
}
