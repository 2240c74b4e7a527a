import { parseLine, plainText } from './ansi'
import type { MatchMessage, SearchQuery } from './api'
import type { RowSpan, RowView } from './rowView'

/** 文字の並びの中の範囲。`to` は含まない。 */
export interface TextRange {
  from: number
  to: number
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function rangesOf(pattern: RegExp, text: string): TextRange[] {
  return [...text.matchAll(pattern)].map((match) => ({ from: match.index, to: match.index + match[0].length }))
}

/** 見つかった行の、当たった文字(飾りを除く)。`start` と `end` は行の中のバイトの桁。 */
export function matchedText(match: Pick<MatchMessage, 'text' | 'text_start' | 'start' | 'end'>): string {
  const bytes = new TextEncoder().encode(match.text)
  const part = bytes.subarray(Math.max(0, match.start - match.text_start), Math.max(0, match.end - match.text_start))
  return plainText(parseLine(new TextDecoder().decode(part)))
}

/**
 * 画面の一行の中で、色を付ける範囲。
 *
 * 正規表現はサーバ(RE2)だけが動かす。ブラウザのものは書き方が違い、悪い式で画面が固まるので、
 * サーバが言った「当たった文字」をそのまま探す。
 */
export function hitRanges(query: SearchQuery, text: string, matched: string | null): TextRange[] {
  if (query.regex) return matched ? rangesOf(new RegExp(escaped(matched), 'g'), text) : []
  if (query.q === '') return []
  const edge = query.word ? '\\b' : ''
  return rangesOf(new RegExp(edge + escaped(query.q) + edge, query.case ? 'g' : 'gi'), text)
}

function cutSpan(span: RowSpan, start: number, ranges: readonly TextRange[]): RowSpan[] {
  const end = start + span.text.length
  const pieces: RowSpan[] = []
  const push = (from: number, to: number, hit: boolean): void => {
    if (to > from) pieces.push({ ...span, text: span.text.slice(from - start, to - start), hit })
  }
  let at = start
  for (const range of ranges) {
    const [from, to] = [Math.max(at, range.from), Math.min(end, range.to)]
    if (to <= from) continue
    push(at, from, false)
    push(from, to, true)
    at = to
  }
  push(at, end, false)
  return pieces
}

/** 範囲のところで切れ端を切り、印を付ける。範囲は重ならず、前から順に並ぶ。 */
export function highlighted(spans: readonly RowSpan[], ranges: readonly TextRange[]): readonly RowSpan[] {
  if (ranges.length === 0) return spans
  let at = 0
  return spans.flatMap((span) => {
    const pieces = cutSpan(span, at, ranges)
    at += span.text.length
    return pieces
  })
}

/** 一つの探し方で、行に色を付ける。同じ行には同じものを返す。 */
export class Highlighter {
  readonly #query: SearchQuery
  readonly #held = new WeakMap<RowView, { matched: string | null; row: RowView }>()

  constructor(query: SearchQuery) {
    this.#query = query
  }

  paint(row: RowView, matched: string | null): RowView {
    const held = this.#held.get(row)
    if (held?.matched === matched) return held.row
    const text = row.spans.map((span) => span.text).join('')
    const ranges = hitRanges(this.#query, text, matched)
    const painted = ranges.length === 0 ? row : { ...row, spans: highlighted(row.spans, ranges) }
    this.#held.set(row, { matched, row: painted })
    return painted
  }
}
