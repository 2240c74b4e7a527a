import { parseLine } from './ansi'
import type { RowSpan } from './rowView'
import { PLAIN, sgrStyle } from './sgr'

export interface ExcerptLine {
  spans: readonly RowSpan[]
}

/** 短い出力を、色の付いた行に。最後の改行の後の空は、行と数えない。 */
export function excerptLines(text: string, most: number): ExcerptLine[] {
  const raw = text.split('\n')
  if (raw.at(-1) === '') raw.pop()
  let sgr = PLAIN
  return raw.slice(0, most).map((line) => {
    const parsed = parseLine(line, sgr)
    sgr = parsed.end
    return { spans: parsed.spans.map((span) => ({ text: span.text, style: sgrStyle(span.sgr), href: span.href, hit: false })) }
  })
}
