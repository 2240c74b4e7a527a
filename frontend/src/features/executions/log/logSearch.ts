import { asProblem, type ApiProblem } from '@/api'

import type { SearchMessage, SearchQuery } from './api'
import { matchedText } from './highlight'
import { HitList } from './hitList'
import { readNdjson } from './ndjson'

export type OpenSearch = (query: SearchQuery, fromByte: number, limit: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>

export interface SearchState {
  running: boolean
  /** 見つかった行の数。一覧に持つ数より多いことがある。 */
  count: number
  /** 数えるのも途中でやめた。本当はもっとある。 */
  truncated: boolean
  searchedBytes: number
  totalBytes: number
  problem: ApiProblem | null
}

export const IDLE: SearchState = { running: false, count: 0, truncated: false, searchedBytes: 0, totalBytes: 0, problem: null }

/** 一度に受け取る行の数と、全部で持つ行の数。これより多くは、数だけを数える。 */
const PAGE = 10_000
const MOST = 50_000
const AGAIN_MS = 1000

/** 一つのログを探す。見つかるそばから増え、ログが伸びれば、続きを自分で探す。 */
export class LogSearch {
  readonly #open: OpenSearch
  readonly #onChange: () => void
  #query: SearchQuery | null = null
  #hits = new HitList()
  #state = IDLE
  #nextByte = 0
  #grown = 0
  /** 探し始めたときの長さ。ここまでは、もう探した。 */
  #asked = 0
  #abort: AbortController | null = null
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

  /** 探し始める。空の言葉なら、やめる。 */
  start(query: SearchQuery): void {
    this.close()
    this.#hits = new HitList()
    this.#query = query.q === '' ? null : query
    this.#nextByte = 0
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

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#abort?.abort()
    this.#abort = null
  }

  #set(state: SearchState): void {
    this.#state = state
    this.#onChange()
  }

  async #run(): Promise<void> {
    if (this.#query === null) return
    const mine = (this.#abort = new AbortController())
    const from = this.#nextByte
    this.#asked = this.#grown
    // 前は途中だった最後の行を、もう一度探す
    const before = this.#state.count - this.#hits.dropFrom(from)
    this.#set({ ...this.#state, running: true, count: before })
    try {
      const limit = Math.max(1, Math.min(PAGE, MOST - this.#hits.length))
      const stream = await this.#open(this.#query, from, limit, mine.signal)
      for await (const message of readNdjson<SearchMessage>(stream)) {
        if (mine.signal.aborted) return
        this.#take(message, before)
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

  #take(message: SearchMessage, before: number): void {
    if (message.type === 'match') {
      const { line, byte, text } = message
      if (this.#hits.length < MOST) this.#hits.add({ line, byte, text, matched: matchedText(message) })
      this.#set({ ...this.#state, count: Math.max(this.#state.count, this.#hits.length) })
    } else if (message.type === 'progress') {
      this.#set({ ...this.#state, searchedBytes: message.bytes, totalBytes: message.total, count: before + message.matches })
    } else if (message.type === 'end') {
      this.#nextByte = message.next_byte ?? this.#nextByte
      const totalBytes = Math.max(this.#state.totalBytes, this.#nextByte)
      this.#set({ ...this.#state, running: false, searchedBytes: totalBytes, totalBytes, count: before + message.matches, truncated: message.truncated })
    }
  }
}
