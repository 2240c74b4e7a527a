import { asProblem, type ApiProblem } from '@/api'

import type { LineSlice } from './api'
import { LineBlocks, splitLines } from './lineBlocks'

export type FetchLines = (from: number, count: number, signal: AbortSignal) => Promise<LineSlice>

const BLOCK_LINES = 1000
/** 一行が長いログ。千行ずつでは、一度に何メガバイトも届いてしまう。 */
const SMALL_BLOCK_LINES = 50
const HEAVY_BYTES = 2 * 1024 * 1024
const KEPT_CHARS = 8_000_000
const AT_ONCE = 2
const RETRY_MS = 2000

interface Events {
  onSlice: (slice: LineSlice) => void
  onProblem: (problem: ApiProblem | null) => void
  /** 途中の行は、まだ続きが来るかもしれない。 */
  mayGrow: () => boolean
}

/** 見えているところのブロックだけを、順に読み込む。見えなくなったものは、途中でやめる。 */
export class BlockLoader {
  readonly #fetch: FetchLines
  readonly #events: Events
  readonly #running = new Map<number, AbortController>()
  #blocks = new LineBlocks(BLOCK_LINES, KEPT_CHARS)
  #wanted: number[] = []
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(fetch: FetchLines, events: Events) {
    this.#fetch = fetch
    this.#events = events
  }

  get blocks(): LineBlocks {
    return this.#blocks
  }

  /** `[first, last]` の行が要る(0 から)。前に頼んだ分のうち、もう要らないものはやめる。 */
  want(first: number, last: number): void {
    const wanted: number[] = []
    for (let line = first; line <= last; line = (this.#blocks.blockOf(line) + 1) * this.#blocks.size) {
      const index = this.#blocks.blockOf(line)
      const end = Math.min(last, (index + 1) * this.#blocks.size - 1)
      if (this.#blocks.get(line) === null || this.#blocks.get(end) === null) wanted.push(index)
    }
    this.#wanted = wanted
    for (const [index, controller] of this.#running) {
      if (wanted.includes(index)) continue
      controller.abort()
      this.#running.delete(index)
    }
    this.#pump()
  }

  stop(): void {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#wanted = []
    for (const controller of this.#running.values()) controller.abort()
    this.#running.clear()
  }

  #pump(): void {
    if (this.#retry !== undefined) return
    for (const index of this.#wanted) {
      if (this.#running.size >= AT_ONCE) return
      if (!this.#running.has(index)) void this.#load(index)
    }
  }

  async #load(index: number): Promise<void> {
    const controller = new AbortController()
    const { size } = this.#blocks
    this.#running.set(index, controller)
    try {
      const slice = await this.#fetch(index * size + 1, size, controller.signal)
      if (this.#running.get(index) === controller) this.#store(index, slice)
    } catch (error) {
      if (this.#running.get(index) === controller) this.#failed(asProblem(error))
    } finally {
      if (this.#running.get(index) === controller) this.#running.delete(index)
    }
    this.#pump()
  }

  #store(index: number, slice: LineSlice): void {
    this.#wanted = this.#wanted.filter((other) => other !== index)
    this.#events.onProblem(null)
    if (slice.truncated && slice.bytes.length > HEAVY_BYTES && this.#blocks.size > SMALL_BLOCK_LINES) {
      this.stop()
      this.#blocks = new LineBlocks(SMALL_BLOCK_LINES, KEPT_CHARS)
    } else {
      const lines = splitLines(slice.bytes)
      if (this.#events.mayGrow() && slice.bytes.at(-1) !== 0x0a) lines.pop()
      this.#blocks.put(index, lines, slice.truncated)
    }
    this.#events.onSlice(slice)
  }

  #failed(problem: ApiProblem): void {
    this.#events.onProblem(problem)
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#pump()
    }, RETRY_MS)
  }
}
