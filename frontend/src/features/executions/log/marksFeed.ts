import type { LogMarks } from './api'
import { MarkWatch } from './markers'

export type FetchMarks = (signal: AbortSignal) => Promise<LogMarks>

const EVERY_MS = 2000

/** 区切りと注釈。伸びている間は、印らしい文字が届いたときだけ、多くても二秒に一度読み直す。 */
export class MarksFeed {
  readonly #fetch: FetchMarks
  readonly #onChange: (marks: LogMarks) => void
  readonly #watch = new MarkWatch()
  #abort: AbortController | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #readAt = -Infinity
  #dirty = false
  #closed = false

  constructor(fetch: FetchMarks, onChange: (marks: LogMarks) => void) {
    this.#fetch = fetch
    this.#onChange = onChange
  }

  /** 新しく届いた分。分からないときは `null`。 */
  heard(bytes: Uint8Array | null): void {
    if (bytes === null || this.#watch.sees(bytes)) this.refresh()
  }

  refresh(): void {
    this.#dirty = true
    if (this.#closed || this.#abort !== null || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#read()
    }, Math.max(0, this.#readAt + EVERY_MS - Date.now()))
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#abort?.abort()
  }

  async #read(): Promise<void> {
    this.#dirty = false
    this.#readAt = Date.now()
    const mine = (this.#abort = new AbortController())
    try {
      const marks = await this.#fetch(mine.signal)
      if (this.#closed) return
      this.#onChange(marks)
    } catch {
      // 印が無くてもログは読める。次の知らせでやり直す
    } finally {
      this.#abort = null
    }
    if (this.#dirty) this.refresh()
  }
}
