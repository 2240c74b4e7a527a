import { asProblem, type ApiProblem } from '@/api'

import type { MatchMessage, SearchMessage, TargetMessage } from './api'
import { readNdjson } from './ndjson'

/** 一つのサーバの、一つの走りで見つかったもの。 */
export interface HitGroup {
  key: string
  executionId: number
  targetId: number
  serverName: string
  hits: MatchMessage[]
  /** 見つかった行の数。`hits` より多いことがある。 */
  count: number
  /** 続きを取りに行っている。 */
  loading: boolean
}

export interface BroadState {
  running: boolean
  groups: readonly HitGroup[]
  count: number
  truncated: boolean
  searchedBytes: number
  totalBytes: number
  problem: ApiProblem | null
}

const EMPTY: BroadState = { running: false, groups: [], count: 0, truncated: false, searchedBytes: 0, totalBytes: 0, problem: null }

/** 一度にこれだけ受け取る。その先は数だけが分かり、求められたらログごとに取りに行く。 */
export const BROAD_LIMIT = 1000

type Open = (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>

/** いくつものログを一度に探し、サーバごとにまとめる。 */
export class BroadSearch {
  readonly #onChange: (state: BroadState) => void
  readonly #groups = new Map<string, HitGroup>()
  #state = EMPTY
  #abort: AbortController | null = null

  constructor(onChange: (state: BroadState) => void) {
    this.#onChange = onChange
  }

  close(): void {
    this.#abort?.abort()
    this.#abort = null
  }

  async start(open: Open): Promise<void> {
    this.close()
    this.#groups.clear()
    const mine = (this.#abort = new AbortController())
    this.#set({ ...EMPTY, running: true })
    try {
      for await (const message of readNdjson<SearchMessage>(await open(mine.signal))) {
        if (mine.signal.aborted) return
        this.#take(message)
      }
    } catch (error) {
      if (!mine.signal.aborted) this.#set({ ...this.#state, problem: asProblem(error) })
    }
    if (!mine.signal.aborted) this.#set({ ...this.#state, running: false })
  }

  /** そのログの、続きの行を足す。 */
  async more(key: string, open: (targetId: number, fromByte: number) => Open): Promise<void> {
    const mine = this.#abort
    const group = this.#groups.get(key)
    if (!mine || !group || group.loading) return
    this.#change(key, { loading: true })
    try {
      const last = group.hits.at(-1)
      const hits = [...group.hits]
      // 行の途中を指せば、その次の行から続く
      for await (const message of readNdjson<SearchMessage>(await open(group.targetId, last ? last.byte + 1 : 0)(mine.signal))) {
        if (message.type === 'match') hits.push(message)
      }
      if (!mine.signal.aborted) this.#change(key, { hits, count: Math.max(group.count, hits.length), loading: false })
    } catch (error) {
      if (mine.signal.aborted) return
      this.#change(key, { loading: false })
      this.#set({ ...this.#state, problem: asProblem(error) })
    }
  }

  #change(key: string, change: Partial<HitGroup>): void {
    const group = this.#groups.get(key)
    if (group) this.#groups.set(key, { ...group, ...change })
    this.#set(this.#state)
  }

  #set(state: BroadState): void {
    this.#state = { ...state, groups: [...this.#groups.values()] }
    this.#onChange(this.#state)
  }

  #take(message: SearchMessage): void {
    if (message.type === 'match') this.#add(message)
    else if (message.type === 'target') this.#count(message)
    else if (message.type === 'progress') {
      this.#set({ ...this.#state, count: message.matches, searchedBytes: message.bytes, totalBytes: message.total })
    } else if (message.type === 'end') this.#set({ ...this.#state, count: message.matches, truncated: message.truncated })
  }

  #groupOf(message: MatchMessage | TargetMessage): HitGroup {
    const { target_id: targetId, execution_id: executionId, server_name: serverName } = message
    const key = String(targetId)
    return this.#groups.get(key) ?? { key, executionId, targetId, serverName, hits: [], count: 0, loading: false }
  }

  #add(hit: MatchMessage): void {
    const group = this.#groupOf(hit)
    group.hits.push(hit)
    this.#groups.set(group.key, { ...group, count: Math.max(group.count, group.hits.length) })
    this.#set({ ...this.#state, count: this.#state.count + 1 })
  }

  #count(message: TargetMessage): void {
    const group = this.#groupOf(message)
    if (message.matches > 0) this.#groups.set(group.key, { ...group, count: message.matches })
    this.#set(this.#state)
  }
}
