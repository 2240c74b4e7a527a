import { asProblem, type ApiProblem } from '@/api'

import type { LineSlice } from './api'
import { LineBlocks, splitLines } from './lineBlocks'
import type { LineSpan } from './rowMap'

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
  /** 行が置かれた。 */
  onSettled: () => void
  onProblem: (problem: ApiProblem | null) => void
  /** 途中の行は、まだ続きが来るかもしれない。 */
  mayGrow: () => boolean
  /** 残っていない行(0 から)。ここは頼まない。 */
  gap: () => LineSpan | null
}

/** `span` から `gap` を除いた残り。 */
function without(span: LineSpan, gap: LineSpan | null): LineSpan[] {
  if (gap === null || gap.last < span.first || gap.first > span.last) return [span]
  return [{ first: span.first, last: gap.first - 1 }, { first: gap.last + 1, last: span.last }].filter(({ first, last }) => first <= last)
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

  /** これらの行が要る(0 から)。前に頼んだ分のうち、もう要らないものはやめる。 */
  want(spans: readonly LineSpan[]): void {
    const wanted = [...new Set(spans.flatMap((span) => without(span, this.#events.gap())).flatMap((span) => this.#missing(span)))]
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

  #missing({ first, last }: LineSpan): number[] {
    const missing: number[] = []
    for (let line = first; line <= last; line = (this.#blocks.blockOf(line) + 1) * this.#blocks.size) {
      const index = this.#blocks.blockOf(line)
      const end = Math.min(last, (index + 1) * this.#blocks.size - 1)
      if (this.#blocks.get(line) === null || this.#blocks.get(end) === null) missing.push(index)
    }
    return missing
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
    this.#running.set(index, controller)
    try {
      const slices = await this.#fetchBlock(index, controller.signal)
      if (this.#running.get(index) === controller) this.#store(index, slices)
    } catch (error) {
      if (this.#running.get(index) === controller) this.#failed(asProblem(error))
    } finally {
      if (this.#running.get(index) === controller) this.#running.delete(index)
    }
    this.#pump()
  }

  /** 残っていない行をまたぐブロックは、前と後ろに分けて頼む。 */
  async #fetchBlock(index: number, signal: AbortSignal): Promise<LineSlice[]> {
    const { size } = this.#blocks
    const slices = []
    for (const { first, last } of without({ first: index * size, last: (index + 1) * size - 1 }, this.#events.gap())) {
      slices.push(await this.#fetch(first + 1, last - first + 1, signal))
    }
    return slices
  }

  #store(index: number, slices: readonly LineSlice[]): void {
    const known = this.#events.gap()
    this.#events.onProblem(null)
    for (const slice of slices) this.#events.onSlice(slice)
    const gap = this.#events.gap()
    // 抜けを知らずに頼んだ答えは、どこの行か決められない。知った今、頼み直す
    if (gap?.first !== known?.first || gap?.last !== known?.last) return
    this.#wanted = this.#wanted.filter((other) => other !== index)
    const heavy = slices.some((slice) => slice.truncated && slice.bytes.length > HEAVY_BYTES)
    if (heavy && this.#blocks.size > SMALL_BLOCK_LINES) {
      this.stop()
      this.#blocks = new LineBlocks(SMALL_BLOCK_LINES, KEPT_CHARS)
    } else {
      this.#blocks.put(index, this.#linesOf(index, slices), slices.some((slice) => slice.truncated))
    }
    this.#events.onSettled()
  }

  #linesOf(index: number, slices: readonly LineSlice[]): string[] {
    const start = index * this.#blocks.size
    const lines: string[] = []
    for (const slice of slices) {
      const piece = splitLines(slice.bytes)
      if (this.#events.mayGrow() && slice.bytes.at(-1) !== 0x0a) piece.pop()
      // 残っていない行の分を空けて、番号を合わせる
      while (piece.length > 0 && lines.length < slice.firstLine - 1 - start) lines.push('')
      lines.push(...piece)
    }
    return lines
  }

  #failed(problem: ApiProblem): void {
    this.#events.onProblem(problem)
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#pump()
    }, RETRY_MS)
  }
}
