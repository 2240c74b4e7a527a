import { asProblem, type ApiProblem } from '@/api'

import type { MergedPage, MergedRequest, MergedRow } from './api'

export type FetchMerged = (request: MergedRequest, signal: AbortSignal) => Promise<MergedPage>

const PAGE = 500
/** これより多くは持たない。離れた側から頁ごと捨て、戻ればまた読む。 */
const KEPT = 20_000

/** 中身が変わった。`shift` は、前に足した行の数から、前で捨てた行の数を引いたもの。 */
export type OnMerged = (shift: number) => void

function isAfter(row: MergedRow, last: MergedRow | undefined): boolean {
  return last === undefined || (row.at_ms - last.at_ms || row.target_id - last.target_id || row.line - last.line) > 0
}

/** いくつものサーバのログを、届いた順に混ぜたもの。両側へ読み足せる。 */
export class MergedFeed {
  readonly #fetch: FetchMerged
  readonly #onChange: OnMerged
  #pages: MergedPage[] = []
  #rows: MergedRow[] = []
  #opened = false
  #problem: ApiProblem | null = null
  #abort: AbortController | null = null
  #hasAfter = true

  constructor(fetch: FetchMerged, onChange: OnMerged) {
    this.#fetch = fetch
    this.#onChange = onChange
  }

  get rows(): readonly MergedRow[] {
    return this.#rows
  }

  get opened(): boolean {
    return this.#opened
  }

  get hasBefore(): boolean {
    return (this.#pages[0]?.before ?? null) !== null
  }

  /** 後に続きがあるかもしれない。動いている間は、無くてもまた増える。 */
  get hasAfter(): boolean {
    return this.#hasAfter
  }

  get problem(): ApiProblem | null {
    return this.#problem
  }

  /** `end` なら新しい側から、そうでなければ古い側から開く。 */
  async open(end: boolean): Promise<void> {
    // 読み足しの途中なら、それは捨てる
    this.close()
    const page = await this.#ask(null, end ? 'backward' : 'forward')
    if (page === null) return
    this.#opened = true
    this.#hasAfter = page.after !== null
    this.#replace([page], 0)
  }

  /** 前を読み足す。 */
  async older(): Promise<void> {
    const cursor = this.#pages[0]?.before ?? null
    const page = cursor === null ? null : await this.#ask(cursor, 'backward')
    if (page === null) return
    const pages = [page, ...this.#pages]
    while (pages.length > 2 && count(pages) > KEPT) {
      pages.pop()
      this.#hasAfter = true
    }
    this.#replace(pages, page.rows.length)
  }

  /** 後を読み足す。まだ続きがありそうなら `true`。 */
  async newer(): Promise<boolean> {
    const cursor = this.#pages.at(-1)?.after ?? null
    // 続きの目印が無ければ、新しい側から開き直して、知らない分だけを足す
    const page = await (cursor === null ? this.#ask(null, 'backward') : this.#ask(cursor, 'forward'))
    if (page === null) return false
    const last = this.#rows.at(-1)
    const rows = page.rows.filter((row) => isAfter(row, last))
    this.#hasAfter = rows.length > 0 && page.after !== null
    if (rows.length === 0) return false
    const pages = [...this.#pages, { rows, before: page.before, after: page.after ?? cursor }]
    let dropped = 0
    while (pages.length > 2 && count(pages) > KEPT) dropped += pages.shift()?.rows.length ?? 0
    this.#replace(pages, -dropped)
    return rows.length >= PAGE
  }

  close(): void {
    this.#abort?.abort()
    this.#abort = null
  }

  #replace(pages: MergedPage[], shift: number): void {
    this.#pages = pages
    this.#rows = pages.flatMap((page) => page.rows)
    this.#onChange(shift)
  }

  /** 一度に一つだけ頼む。頼んでいる間と、失敗したときは `null`。 */
  async #ask(cursor: string | null, direction: MergedRequest['direction']): Promise<MergedPage | null> {
    if (this.#abort !== null) return null
    const mine = (this.#abort = new AbortController())
    try {
      const page = await this.#fetch({ cursor, direction, count: PAGE }, mine.signal)
      if (mine.signal.aborted) return null
      this.#problem = null
      return page
    } catch (error) {
      if (!mine.signal.aborted) {
        this.#problem = asProblem(error)
        this.#onChange(0)
      }
      return null
    } finally {
      if (this.#abort === mine) this.#abort = null
    }
  }
}

const count = (pages: readonly MergedPage[]): number => pages.reduce((sum, page) => sum + page.rows.length, 0)
