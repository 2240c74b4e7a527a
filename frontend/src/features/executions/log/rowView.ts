import type { AnnotationLevel } from './api'
import { parseLine, plainText } from './ansi'
import type { RawLine } from './lineBlocks'
import { readMarker, type Marker } from './markers'
import { sgrStyle } from './sgr'

export interface RowSpan {
  text: string
  style: Readonly<Record<string, string>>
  href: string | null
  /** 探している言葉。 */
  hit: boolean
}

/** 画面に出す一行。中身が同じなら、同じものを返すので、Vue は触らない。 */
export interface RowView {
  /** 1 から。 */
  number: number
  spans: readonly RowSpan[]
  /** 長すぎて見せていない文字の数。 */
  hidden: number
  /** サーバが切った行。全部は、落とせば見られる。 */
  cut: boolean
  loading: boolean
  /** 区切りの始まりと終わり。 */
  edge: 'section' | 'end' | null
  level: AnnotationLevel | null
  /** 注釈が指すファイル。 */
  where: string
}

/** これより長い行は、頭だけを見せる。一行が何万文字もあると、描くだけで画面が止まる。 */
export const SHOWN_CHARS = 4000
const KEPT = 2000

interface Held {
  raw: RawLine
  expanded: boolean
  view: RowView
}

function clip(spans: readonly RowSpan[], limit: number): { spans: RowSpan[]; hidden: number } {
  let room = limit
  let hidden = 0
  const shown = []
  for (const span of spans) {
    const text = span.text.slice(0, Math.max(0, room))
    hidden += span.text.length - text.length
    room -= span.text.length
    if (text !== '') shown.push({ ...span, text })
  }
  return { spans: shown, hidden }
}

/** 印の行で、印の文字の代わりに見せる文字。 */
function shownText(raw: string, marker: Marker | null): string {
  if (marker === null) return raw
  if (marker.kind === 'end') return marker.text
  return marker.kind === 'section' ? marker.title : marker.message
}

const EMPTY = { spans: [], hidden: 0, cut: false, edge: null, level: null, where: '' } as const

function build(line: number, raw: RawLine, expanded: boolean): RowView {
  const marker = readMarker(raw.text)
  const spans = parseLine(shownText(raw.text, marker), raw.start).spans.map(({ text, sgr, href }) => ({ text, style: sgrStyle(sgr), href, hit: false }))
  const annotation = marker?.kind === 'annotation' ? marker : null
  return {
    number: line + 1,
    ...clip(spans, expanded ? Infinity : SHOWN_CHARS),
    cut: raw.cut,
    loading: false,
    edge: marker === null || annotation ? null : (marker.kind as 'section' | 'end'),
    level: annotation?.level ?? null,
    where: annotation?.where ?? '',
  }
}

/** 行から見た目へ。近くを行き来する間は、読み直さない。 */
export class RowViews {
  readonly #held = new Map<number, Held>()

  get(line: number, raw: RawLine | null, expanded: boolean): RowView {
    if (raw === null) return { ...EMPTY, number: line + 1, loading: true }
    const held = this.#held.get(line)
    if (held?.raw.text === raw.text && held.raw.start === raw.start && held.raw.cut === raw.cut && held.expanded === expanded) {
      return held.view
    }
    const view = build(line, raw, expanded)
    this.#held.delete(line)
    // 末尾の行は伸びながら同じものが渡される。写しを取らないと、変わったことが分からない
    this.#held.set(line, { raw: { ...raw }, expanded, view })
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= KEPT) break
      this.#held.delete(oldest)
    }
    return view
  }
}

/** 写し取るときの文字。色も行番号も付かない。 */
export function copyableText(raw: string): string {
  return plainText(parseLine(raw))
}
