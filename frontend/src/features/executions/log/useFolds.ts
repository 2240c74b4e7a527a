import { shallowRef, watch, type ShallowRef } from 'vue'

import type { LogMarks, LogSection } from './api'
import { RowMap, type LineSpan } from './rowMap'
import { foldedSpans, isFolded, sectionsHiding, type FoldChoices } from './sections'

interface Options {
  marks: ShallowRef<LogMarks>
  /** 残っていない行(0 から)。最初の一行を、抜けを言う段に使う。 */
  gap: ShallowRef<LineSpan | null>
  /** 段の並びが変わった。 */
  onRearrange: (newRowOf: (row: number) => number) => void
}

export interface Folds {
  map: ShallowRef<RowMap>
  folded: (section: LogSection) => boolean
  toggle: (section: LogSection) => void
  /** この行(1 から)が見えるように開く。 */
  reveal: (line: number) => void
}

/** どの区切りを畳んでいるかと、そのときの段の並び。 */
export function useFolds({ marks, gap, onRearrange }: Options): Folds {
  const choices = shallowRef<FoldChoices>(new Map())
  const map = shallowRef(new RowMap())

  function choose(sections: readonly LogSection[], fold: boolean): void {
    if (sections.length > 0) choices.value = new Map([...choices.value, ...sections.map((one) => [one.first_line, fold] as const)])
  }

  watch([marks, choices, gap], () => {
    const before = map.value
    const missing = gap.value ? [{ first: gap.value.first + 1, last: gap.value.last }] : []
    map.value = new RowMap([...foldedSpans(marks.value.sections, choices.value), ...missing])
    onRearrange((row) => map.value.rowOf(before.lineOf(row)))
  }, { flush: 'sync' })

  return {
    map,
    folded: (section) => isFolded(section, choices.value),
    toggle: (section) => choose([section], !isFolded(section, choices.value)),
    reveal: (line) => choose(sectionsHiding(marks.value.sections, choices.value, line), false),
  }
}
