import { asProblem, type ApiProblem } from '@/api'

import { endOfLine } from './ansi'
import type { MergedPage, MergedRequest, MergedRow } from './api'
import { mergedText } from './mergedText'
import { PLAIN, type Sgr } from './sgr'

export type FetchMerged = (request: MergedRequest, signal: AbortSignal) => Promise<MergedPage>

const PAGE = 500
/** これより多くは持たない。離れた側から頁ごと捨て、戻ればまた読む。 */
const KEPT = 20_000

/** 中身が変わった。`shift` は、前に足した行の数から、前で捨てた行の数を引いたもの。 */
export type OnMerged = (shift: number) => void

function isAfter(row: MergedRow, last: MergedRow | undefined): boolean {
  return last === undefined || (row.at_ms - last.at_ms || row.target_id - last.target_id || row.line - last.line) > 0
}

/** 行の始まりの飾り。間にほかのサーバの行が挟まっても、同じログの前の行から引き継ぐ。 */
function carried(rows: readonly MergedRow[]): Map<MergedRow, Sgr> {
  const ends = new Map<number, Sgr>()
  const starts = new Map<MergedRow, Sgr>()
  for (const row of rows) {
    const start = ends.get(row.target_id) ?? PLAIN
    if (start !== PLAIN) starts.set(row, start)
    ends.set(row.target_id, endOfLine(mergedText(row), start))
  }
  return starts
}

/** いくつものサーバのログを、届いた順に混ぜたもの。両側へ読み足せる。 */
export class MergedFeed {
  readonly #fetch: FetchMerged
  readonly #onChange: OnMerged
  #pages: MergedPage[] = []
  #rows: MergedRow[] = []
  #starts: ReadonlyMap<MergedRow, Sgr> = new Map()
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

  /** その行の始まりの飾り。手元にない行からは引き継げない。 */
  startOf(row: MergedRow): Sgr {
    return this.#starts.get(row) ?? PLAIN
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
    this.#starts = carried(this.#rows)
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
