import { asProblem, type ApiProblem } from '@/api'
import type { LogHandlers } from '@/shared/lib/streamMessages'

import { MAX_LINES, type LineSlice } from './api'
import { BlockLoader, type FetchLines } from './blockLoader'
import type { RawLine } from './lineBlocks'
import type { LineSpan } from './rowMap'
import { TailBuffer } from './tailBuffer'

export interface LogTransport {
  lines: FetchLines
  /** `fromByte` からの続きを受け取る。戻り値を呼ぶとやめる。 */
  subscribe: (fromByte: number, handlers: LogHandlers) => () => void
}

export interface LogStart {
  /** もう増えない。 */
  ended: boolean
  /** 分かっている行の数。末尾を探す手がかりで、古くてもよい。 */
  lines: number
}

interface Frame {
  offset: number
  bytes: Uint8Array
}

const ANCHOR_LINES = 500
const AHEAD = 100
const HELD_FRAMES = 64
const REANCHOR_MS = 250
const RETRY_MS = 2000

/**
 * 一つの対象のログ。どの行も、末尾の続きか、読み込んだブロックのどちらかから出る。
 *
 * 末尾は「この行はこのバイトから始まる」と API が言う場所(錨)から始め、その後は届いたバイトだけで数える。
 * 間が抜けたら、末尾で錨を打ち直す。
 */
export class LogSource {
  readonly #transport: LogTransport
  readonly #loader: BlockLoader
  readonly #onChange: () => void
  #tail: TailBuffer | null = null
  #lines: number
  /** あるはずの行とバイト。飛ばされたとき、終わったときに知る。ここまでは、届くのを待たずに読む。 */
  #hint: number
  #promised = 0
  #bytes = 0
  #ended: boolean
  #opened = false
  #problem: ApiProblem | null = null
  #gap: LineSpan | null = null
  #held: Frame[] = []
  #anchor: AbortController | null = null
  #anchoredAt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #unsubscribe: (() => void) | null = null

  constructor(transport: LogTransport, start: LogStart, onChange: () => void) {
    this.#transport = transport
    this.#lines = start.lines
    this.#hint = start.lines
    this.#ended = start.ended
    this.#onChange = onChange
    this.#loader = new BlockLoader(transport.lines, {
      onSlice: (slice) => this.#learnSlice(slice),
      onSettled: () => this.#onChange(),
      gap: () => this.#gap,
      onProblem: (problem) => this.#report(problem),
      mayGrow: () => !this.#ended,
    })
  }

  get lineCount(): number {
    return Math.max(this.#lines, this.#tail?.lineCount ?? 0)
  }

  get byteCount(): number {
    return Math.max(this.#bytes, this.#tail?.endByte ?? 0)
  }

  get ended(): boolean {
    return this.#ended
  }

  /** 全体の長さが分かった。 */
  get opened(): boolean {
    return this.#opened
  }

  get problem(): ApiProblem | null {
    return this.#problem
  }

  /** 大きさの上限で、残っていない行(0 から)。 */
  get gap(): LineSpan | null {
    return this.#gap
  }

  /** 読み始める。終わったログは `line`(0 から)のところから。 */
  open(line: number): void {
    if (this.#ended) this.#loader.want([{ first: line, last: line }])
    else void this.#dropAnchor()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#anchor?.abort()
    this.#unsubscribe?.()
    this.#loader.stop()
  }

  get(line: number): RawLine | null {
    const tail = this.#tail
    return tail && line >= tail.firstLine ? tail.get(line) : this.#loader.blocks.get(line)
  }

  /** これらの行を見ている。足りなければ、少し先まで読み込む。 */
  want(spans: readonly LineSpan[]): void {
    const end = Math.min(this.lineCount, this.#tail?.firstLine ?? Infinity) - 1
    const wider = spans.map(({ first, last }, index) => ({
      first: index === 0 ? Math.max(0, first - AHEAD) : first,
      last: Math.min(index === spans.length - 1 ? last + AHEAD : last, end),
    }))
    this.#loader.want(wider)
  }

  #learnSlice(slice: LineSlice): void {
    this.#learnGap(slice)
    this.#learn(slice.totalBytes, slice.totalLines)
  }

  #learnGap({ gap }: LineSlice): void {
    if (gap && (this.#gap?.first !== gap.first - 1 || this.#gap.last !== gap.last - 1)) this.#gap = { first: gap.first - 1, last: gap.last - 1 }
  }

  /** 末尾を探し始める行(1 から)。残っていない行をまたがない。 */
  #anchorLine(): number {
    const near = Math.max(1, this.#hint - ANCHOR_LINES + 1)
    const afterGap = (this.#gap?.last ?? -1) + 2
    return near < afterGap && afterGap <= this.#hint ? afterGap : near
  }

  #learn(bytes: number, lines: number): void {
    this.#bytes = Math.max(this.#bytes, bytes)
    // 手がかりの行の数は古いかもしれない。最初の答えで置き換える
    this.#lines = this.#opened ? Math.max(this.#lines, lines) : lines
    this.#opened = true
    this.#onChange()
  }

  #report(problem: ApiProblem | null): void {
    if (this.#problem === problem) return
    this.#problem = problem
    this.#onChange()
  }

  async #dropAnchor(): Promise<void> {
    if (this.#anchor) return
    const mine = (this.#anchor = new AbortController())
    try {
      this.#tail = await this.#findTail(mine.signal)
      this.#report(null)
    } catch (error) {
      if (mine.signal.aborted) return
      this.#report(asProblem(error))
      this.#later(RETRY_MS)
      return
    } finally {
      this.#anchor = null
      this.#anchoredAt = Date.now()
    }
    this.#listen(this.#tail.endByte)
    this.#release()
    this.#learn(this.#tail.endByte, this.#tail.lineCount)
  }

  /** 末尾の行を読み、そこを始まりにする。読む間にも伸びるので、届くまで追う。 */
  async #findTail(signal: AbortSignal): Promise<TailBuffer> {
    for (let attempt = 0; ; attempt += 1) {
      const slice = await this.#transport.lines(this.#anchorLine(), MAX_LINES, signal)
      this.#hint = slice.totalLines
      this.#learnGap(slice)
      if (slice.totalLines === 0) return new TailBuffer(0, slice.totalBytes)
      const reached = slice.lineCount > 0 && slice.firstLine + slice.lineCount > slice.totalLines
      // 切られた行があると、末尾に届いたときしか、次のバイトの位置が分からない
      if (!reached && (slice.lineCount === 0 || slice.truncated || attempt < 2)) continue
      const tail = new TailBuffer(slice.firstLine - 1, slice.firstByte)
      tail.append(slice.firstByte, slice.bytes)
      if (slice.truncated) tail.skipTo(slice.totalBytes)
      return tail
    }
  }

  #listen(fromByte: number): void {
    if (this.#ended) return
    this.#unsubscribe ??= this.#transport.subscribe(fromByte, {
      onData: (offset, bytes) => this.#take({ offset, bytes }),
      onSkip: (position) => {
        // 読めるようになるまで、行の数は増やさない。追いかけている人に空の行を見せないため
        this.#promise(position.log_bytes, position.log_lines)
      },
      onEnd: (end) => this.#finish(end.log_bytes, end.log_lines),
      onProblem: (problem) => this.#report(asProblem(new Error(problem.detail))),
    })
  }

  #take(frame: Frame): void {
    if (this.#anchor !== null || this.#timer !== undefined || !this.#tail?.append(frame.offset, frame.bytes)) {
      this.#held.push(frame)
      // 溢れたら捨てる。捨てた分は、次の錨が API から読む
      if (this.#held.length > HELD_FRAMES) this.#held.shift()
      this.#reanchor()
    }
    this.#onChange()
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    for (const frame of held) {
      if (!this.#tail?.append(frame.offset, frame.bytes)) this.#held.push(frame)
    }
    if (this.#held.length > 0 || this.#isShort()) this.#reanchor()
  }

  #finish(bytes: number, lines: number): void {
    this.#ended = true
    this.#unsubscribe?.()
    this.#learn(bytes, lines)
    this.#promise(bytes, lines)
  }

  #promise(bytes: number, lines: number): void {
    this.#promised = bytes
    this.#hint = lines
    if (this.#isShort()) this.#reanchor()
  }

  #isShort(): boolean {
    return (this.#tail?.endByte ?? 0) < this.#promised
  }

  // 速すぎるログでは飛ばされ続ける。そのたびに読むと、読むことが遅れの元になる
  #reanchor(): void {
    if (this.#anchor === null) this.#later(Math.max(0, this.#anchoredAt + REANCHOR_MS - Date.now()))
  }

  #later(ms: number): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#dropAnchor()
    }, ms)
  }
}
