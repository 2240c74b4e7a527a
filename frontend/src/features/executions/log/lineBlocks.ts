import { endOfLine } from './ansi'
import { PLAIN, type Sgr } from './sgr'

/** 一行の文字と、その行の始めの飾り。 */
export interface RawLine {
  text: string
  start: Sgr
  /** サーバが長すぎる行を切った。全部は、落とせば見られる。 */
  cut: boolean
}

interface Block {
  lines: string[]
  cut: ReadonlySet<number>
  /** 行ごとの始めの飾り。最後の一つは、ブロックの後の飾り。 */
  starts: Sgr[]
  chars: number
}

/** サーバが一行を切る長さ(バイト)。これと同じ長さの行は、切られた行。 */
export const LINE_LIMIT_BYTES = 65_536
const SUSPECT_CHARS = LINE_LIMIT_BYTES / 4

/** バイト列を行に分ける。改行は含めず、最後の途中の行は一行と数える。 */
export function splitLines(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return []
  // 途中で切れた文字も、別の文字コードのバイトも、U+FFFD になるだけで、行の数は変わらない
  const lines = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function cutLines(lines: readonly string[]): Set<number> {
  const encoder = new TextEncoder()
  const isCut = (line: string): boolean => line.length >= SUSPECT_CHARS && encoder.encode(line).length >= LINE_LIMIT_BYTES
  return new Set(lines.flatMap((line, index) => (isCut(line) ? [index] : [])))
}

function startsOf(lines: readonly string[], first: Sgr): Sgr[] {
  const starts = [first]
  let sgr = first
  for (const line of lines) starts.push((sgr = endOfLine(line, sgr)))
  return starts
}

/** 求められたブロックだけを持つ置き場。古いものから捨てるので、何千万行でも大きさは変わらない。 */
export class LineBlocks {
  readonly #maxChars: number
  readonly #blocks = new Map<number, Block>()
  #chars = 0
  readonly size: number

  constructor(size: number, maxChars: number) {
    this.size = size
    this.#maxChars = maxChars
  }

  get chars(): number {
    return this.#chars
  }

  blockOf(line: number): number {
    return Math.floor(line / this.size)
  }

  /** 持っている行。使った印も付く。行の番号は 0 から。 */
  get(line: number): RawLine | null {
    const index = this.blockOf(line)
    const block = this.#blocks.get(index)
    const at = line - index * this.size
    const text = block?.lines[at]
    if (block === undefined || text === undefined) return null
    this.#touch(index, block)
    return { text, start: block.starts[at] ?? PLAIN, cut: block.cut.has(at) }
  }

  put(index: number, lines: string[], truncated: boolean): void {
    this.drop(index)
    const chars = lines.reduce((sum, line) => sum + line.length, 0)
    const start = this.#blocks.get(index - 1)?.starts.at(-1) ?? PLAIN
    this.#blocks.set(index, { lines, cut: truncated ? cutLines(lines) : new Set(), starts: startsOf(lines, start), chars })
    this.#chars += chars
    this.#carry(index)
    this.#evict(index)
  }

  drop(index: number): void {
    const block = this.#blocks.get(index)
    if (block === undefined) return
    this.#chars -= block.chars
    this.#blocks.delete(index)
  }

  clear(): void {
    this.#blocks.clear()
    this.#chars = 0
  }

  #touch(index: number, block: Block): void {
    this.#blocks.delete(index)
    this.#blocks.set(index, block)
  }

  /** 前のブロックが後から来たら、その先の飾りを直す。変わらなくなったところで止まる。 */
  #carry(from: number): void {
    let end = this.#blocks.get(from)?.starts.at(-1)
    for (let index = from + 1; end !== undefined; index += 1) {
      const block = this.#blocks.get(index)
      if (block === undefined || block.starts[0] === end) return
      block.starts = startsOf(block.lines, end)
      end = block.starts.at(-1)
    }
  }

  #evict(keep: number): void {
    for (const [index, block] of this.#blocks) {
      if (this.#chars <= this.#maxChars) return
      if (index === keep) continue
      this.#chars -= block.chars
      this.#blocks.delete(index)
    }
  }
}
