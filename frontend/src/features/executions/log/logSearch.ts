import { asProblem, type ApiProblem } from '@/api'

import type { MatchMessage, SearchMessage, SearchPart, SearchQuery } from './api'
import { matchedText } from './highlight'
import { HitList, isSeen, type LineWindow, type Waypoint } from './hitList'
import { markLines } from './hitMarks'
import { readNdjson } from './ndjson'

export type OpenSearch = (query: SearchQuery, part: SearchPart, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>

export interface SearchState {
  running: boolean
  /** 見つかった行の数。手元に持つ数より多いことがある。 */
  count: number
  /** 数えるのも途中でやめた。本当はもっとある。 */
  truncated: boolean
  searchedBytes: number
  totalBytes: number
  problem: ApiProblem | null
}

export const IDLE: SearchState = { running: false, count: 0, truncated: false, searchedBytes: 0, totalBytes: 0, problem: null }

/** 手元に持つ行の数。これより多くは数と道しるべだけを持ち、そこへ行くときに取りに行く。 */
const PAGE = 10_000
const AGAIN_MS = 1000
const START: Waypoint = { line: 1, byte: 0, matches: 0 }

/** 一つのログを探す。見つかるそばから増え、ログが伸びれば、続きを自分で探す。 */
export class LogSearch {
  readonly #open: OpenSearch
  readonly #onChange: () => void
  #query: SearchQuery | null = null
  #hits = new HitList()
  #waypoints: Waypoint[] = [START]
  #state = IDLE
  /** 探し終えたところ。続きはここから。 */
  #next = START
  #grown = 0
  /** 探し始めたときの長さ。ここまでは、もう探した。 */
  #asked = 0
  #abort: AbortController | null = null
  #paging: AbortController | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(open: OpenSearch, onChange: () => void) {
    this.#open = open
    this.#onChange = onChange
  }

  get hits(): HitList {
    return this.#hits
  }

  get state(): SearchState {
    return this.#state
  }

  /** 巻物の横に出す行。 */
  get marks(): number[] {
    return markLines(this.#hits, this.#waypoints, { ...this.#next, matches: this.#state.count })
  }

  /** 探し始める。空の言葉なら、やめる。 */
  start(query: SearchQuery): void {
    this.close()
    this.#hits = new HitList()
    this.#waypoints = [START]
    this.#query = query.q === '' ? null : query
    this.#next = START
    this.#set(IDLE)
    void this.#run()
  }

  /** ログの長さが分かった・伸びた。 */
  grew(bytes: number): void {
    this.#grown = bytes
    if (this.#query === null || this.#abort !== null || this.#timer !== undefined || this.#state.problem !== null) return
    if (bytes <= Math.max(this.#asked, this.#state.totalBytes) || this.#state.truncated) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#run()
    }, AGAIN_MS)
  }

  /** 次(前)の番号。手元になければ取りに行くので、何万件目へも行ける。前の頼みは、まだなら捨てる。 */
  async step(current: number | null, window: LineWindow, direction: 1 | -1): Promise<number | null> {
    this.#paging?.abort()
    const paging = (this.#paging = new AbortController())
    try {
      const near = isSeen(this.#hits, current, window) ? current + direction : await this.#near(window, direction, paging.signal)
      if (near >= this.#state.count && this.#state.truncated) await this.#run()
      const { count, running } = this.#state
      // まだ探しているあいだは、先頭へ戻らずに待つ
      if (count === 0 || (near >= count && running)) return current
      const wanted = (near + count) % count
      await this.#hold(wanted, paging.signal)
      return paging.signal.aborted || this.#hits.get(wanted) === null ? null : wanted
    } catch (error) {
      if (!paging.signal.aborted) this.#set({ ...this.#state, problem: asProblem(error) })
      return null
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#abort?.abort()
    this.#abort = null
    this.#paging?.abort()
    this.#paging = null
  }

  #set(state: SearchState): void {
    this.#state = state
    this.#onChange()
  }

  async #near(window: LineWindow, direction: 1 | -1, signal: AbortSignal): Promise<number> {
    const line = direction > 0 ? window.first : window.last + 1
    if (!this.#covers(line)) {
      await this.#load(this.#waypoints.findLast((one) => one.line <= line) ?? START, signal)
      while (!this.#reaches(line) && !signal.aborted) await this.#loadNext(signal)
    }
    return this.#hits.firstFrom(line) - (direction > 0 ? 0 : 1)
  }

  /** その行の次の当たりが、手元のものから分かる。 */
  #covers(line: number): boolean {
    const { offset, first } = this.#hits
    return (offset === 0 || (first !== null && first.line <= line)) && this.#reaches(line)
  }

  #reaches(line: number): boolean {
    const { end, last } = this.#hits
    return end >= this.#state.count || (last !== null && last.line >= line)
  }

  async #hold(index: number, signal: AbortSignal): Promise<void> {
    if (this.#hits.get(index) !== null) return
    const from = this.#waypoints.findLast((one) => one.matches <= index) ?? START
    if (this.#hits.end > index || this.#hits.end < from.matches) await this.#load(from, signal)
    while (this.#hits.end <= index && !signal.aborted) await this.#loadNext(signal)
  }

  async #loadNext(signal: AbortSignal): Promise<void> {
    const { last, end } = this.#hits
    if (last === null) throw new RangeError('there is no page to go on from')
    // 行の途中を指せば、その次の行から続く
    const from = { line: last.line + 1, byte: last.byte + 1, matches: end }
    if (!this.#waypoints.some((one) => one.matches === end)) {
      this.#waypoints.splice(this.#waypoints.findLastIndex((one) => one.matches < end) + 1, 0, from)
    }
    await this.#load(from, signal)
  }

  async #load(from: Waypoint, signal: AbortSignal): Promise<void> {
    if (this.#query === null) return
    const page = new HitList(from.matches)
    const stream = await this.#open(this.#query, { fromByte: from.byte, limit: PAGE, count: false }, signal)
    for await (const message of readNdjson<SearchMessage>(stream)) {
      if (signal.aborted) return
      if (message.type === 'match') page.add(hitOf(message))
    }
    this.#hits = page
    this.#onChange()
  }

  async #run(): Promise<void> {
    if (this.#query === null || this.#abort !== null) return
    const mine = (this.#abort = new AbortController())
    const from = this.#next
    this.#asked = this.#grown
    // 前は途中だった最後の行を、もう一度探す
    const before = this.#state.count - this.#hits.dropFrom(from.byte)
    const held = this.#hits.end === before ? this.#hits : null
    if (from.byte > 0) this.#waypoints.push({ ...from, matches: before })
    this.#set({ ...this.#state, running: true, count: before })
    try {
      const limit = held === null ? 1 : Math.max(1, PAGE - held.length)
      const stream = await this.#open(this.#query, { fromByte: from.byte, limit, count: true }, mine.signal)
      for await (const message of readNdjson<SearchMessage>(stream)) {
        if (mine.signal.aborted) return
        this.#take(message, before, held)
      }
    } catch (error) {
      if (mine.signal.aborted) return
      this.#set({ ...this.#state, running: false, problem: asProblem(error) })
    } finally {
      if (this.#abort === mine) this.#abort = null
    }
    if (this.#state.running) this.#set({ ...this.#state, running: false })
    this.grew(this.#grown)
  }

  #take(message: SearchMessage, before: number, held: HitList | null): void {
    if (message.type === 'match') {
      if (held !== null && held.length < PAGE) held.add(hitOf(message))
      this.#set({ ...this.#state, count: Math.max(this.#state.count, held?.end ?? 0) })
    } else if (message.type === 'passed') {
      this.#waypoints.push({ line: message.line, byte: message.byte, matches: before + message.matches })
    } else if (message.type === 'progress') {
      this.#set({ ...this.#state, searchedBytes: message.bytes, totalBytes: message.total, count: before + message.matches })
    } else if (message.type === 'end') {
      this.#next = { line: message.next_line ?? this.#next.line, byte: message.next_byte ?? this.#next.byte, matches: before + message.matches }
      const totalBytes = Math.max(this.#state.totalBytes, this.#next.byte)
      this.#set({ ...this.#state, running: false, searchedBytes: totalBytes, totalBytes, count: before + message.matches, truncated: message.truncated })
    }
  }
}

function hitOf(message: MatchMessage): { line: number; byte: number; text: string; matched: string } {
  const { line, byte, text } = message
  return { line, byte, text, matched: matchedText(message) }
}
