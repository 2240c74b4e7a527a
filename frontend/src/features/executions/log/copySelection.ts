/** 選ばれた範囲の文字。行番号は含めず、行と行の間に改行を入れる。 */
export function selectedLogText(selection: Selection | null, root: HTMLElement): string | null {
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null
  const range = selection.getRangeAt(0)
  const rows = [...root.querySelectorAll<HTMLElement>('[data-text]')].filter((row) => range.intersectsNode(row))
  if (rows.length === 0 || !root.contains(range.commonAncestorContainer)) return null
  return rows.map((row) => textWithin(row, range)).join('\n')
}

function textWithin(row: HTMLElement, range: Range): string {
  const part = document.createRange()
  part.selectNodeContents(row)
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) part.setStart(range.startContainer, range.startOffset)
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) part.setEnd(range.endContainer, range.endOffset)
  return part.toString()
}
