import type { MergedRow } from './api'

const texts = new WeakMap<MergedRow, string>()

/** base64 の行を文字に。最後の改行は除く。 */
export function mergedText(row: MergedRow): string {
  const held = texts.get(row)
  if (held !== undefined) return held
  const bytes = Uint8Array.from(atob(row.data), (char) => char.charCodeAt(0))
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/\n$/, '')
  texts.set(row, text)
  return text
}
