import { asProblem, type ApiProblem } from '@/api'

import type { MatchMessage, SearchMessage } from './api'
import { readNdjson } from './ndjson'

/** 一つのサーバの、一つの走りで見つかったもの。 */
export interface HitGroup {
  key: string
  /** ジョブの期間を探したときだけ。 */
  executionId: number | null
  targetId: number
  serverName: string
  hits: MatchMessage[]
  /** 見つかった行の数。`hits` より多いことがある。 */
  count: number
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

/** 全部でこれだけ受け取る。これより多くは、数だけが分かる。 */
export const BROAD_LIMIT = 1000

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

  async start(open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>): Promise<void> {
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

  #set(state: BroadState): void {
    this.#state = { ...state, groups: [...this.#groups.values()] }
    this.#onChange(this.#state)
  }

  #take(message: SearchMessage): void {
    if (message.type === 'match') this.#add(message)
    else if (message.type === 'target') this.#count(message.target_id, message.matches)
    else if (message.type === 'progress') {
      this.#set({ ...this.#state, count: message.matches, searchedBytes: message.bytes, totalBytes: message.total })
    } else this.#set({ ...this.#state, count: message.matches, truncated: message.truncated })
  }

  #add(hit: MatchMessage): void {
    const targetId = hit.target_id ?? 0
    const key = String(targetId)
    const group = this.#groups.get(key) ?? { key, executionId: hit.execution_id ?? null, targetId, serverName: hit.server_name ?? '', hits: [], count: 0 }
    group.hits.push(hit)
    this.#groups.set(key, { ...group, count: Math.max(group.count, group.hits.length) })
    this.#set({ ...this.#state, count: this.#state.count + 1 })
  }

  #count(targetId: number, matches: number): void {
    const group = this.#groups.get(String(targetId))
    if (group) this.#groups.set(group.key, { ...group, count: matches })
    this.#set(this.#state)
  }
}
