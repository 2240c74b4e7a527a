import { parseLine, plainText } from './ansi'
import type { RawLine } from './lineBlocks'
import { sgrStyle } from './sgr'

/** 画面に出す一行。中身が同じなら、同じものを返すので、Vue は触らない。 */
export interface RowView {
  /** 1 から。 */
  number: number
  spans: readonly { text: string; style: Readonly<Record<string, string>> }[]
  /** 長すぎて見せていない文字の数。 */
  hidden: number
  /** サーバが切った行。全部は、落とせば見られる。 */
  cut: boolean
  loading: boolean
}

/** これより長い行は、頭だけを見せる。一行が何万文字もあると、描くだけで画面が止まる。 */
export const SHOWN_CHARS = 4000
const KEPT = 2000

interface Held {
  raw: RawLine
  expanded: boolean
  view: RowView
}

function clip(spans: RowView['spans'], limit: number): { spans: RowView['spans']; hidden: number } {
  let room = limit
  let hidden = 0
  const shown = []
  for (const span of spans) {
    const text = span.text.slice(0, Math.max(0, room))
    hidden += span.text.length - text.length
    room -= span.text.length
    if (text !== '') shown.push({ text, style: span.style })
  }
  return { spans: shown, hidden }
}

function build(line: number, raw: RawLine, expanded: boolean): RowView {
  const spans = parseLine(raw.text, raw.start).spans.map((span) => ({ text: span.text, style: sgrStyle(span.sgr) }))
  return { number: line + 1, ...clip(spans, expanded ? Infinity : SHOWN_CHARS), cut: raw.cut, loading: false }
}

/** 行から見た目へ。近くを行き来する間は、読み直さない。 */
export class RowViews {
  readonly #held = new Map<number, Held>()

  get(line: number, raw: RawLine | null, expanded: boolean): RowView {
    if (raw === null) return { number: line + 1, spans: [], hidden: 0, cut: false, loading: true }
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

  clear(): void {
    this.#held.clear()
  }
}

/** 写し取るときの文字。色も行番号も付かない。 */
export function copyableText(raw: string): string {
  return plainText(parseLine(raw))
}
