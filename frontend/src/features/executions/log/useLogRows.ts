import { computed, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import type { LogSection } from './api'
import type { LogSource } from './logSource'
import { RowViews, type RowView } from './rowView'
import type { Folds } from './useFolds'
import type { TimeLabel } from './useLineTimes'
import type { LogWindow } from './useLogScroll'
import type { UseLogSearch } from './useLogSearch'

interface SectionHead {
  folded: boolean
  depth: number
  /** 始まりと終わりの印を含む行の数。 */
  lines: number
  from: string
  /** まだ開いていれば `null`。 */
  to: string | null
}

/** 画面の一段。 */
export interface LogItem {
  /** 段の番号。0 から。 */
  at: number
  row: RowView
  section: SectionHead | null
  time: TimeLabel | null
  /** ここには、残っていない行がある。 */
  gap: boolean
}

interface Options {
  source: LogSource
  version: ShallowRef<number>
  view: ShallowRef<LogWindow>
  wrap: Ref<boolean>
  folds: Folds
  sectionAt: ComputedRef<ReadonlyMap<number, LogSection>>
  expanded: ReadonlySet<number>
  search: UseLogSearch
  time: (line: number) => TimeLabel | null
}

interface UseLogRows {
  rows: ComputedRef<{ above: LogItem[]; below: LogItem[] }>
  /** 上と下の境の段。 */
  split: ComputedRef<number>
}

/** 見えている段に、何を描くか。 */
export function useLogRows(options: Options): UseLogRows {
  const { source, view, wrap, folds, sectionAt, search } = options
  const views = new RowViews()
  const split = computed(() => (wrap.value ? view.value.anchor : view.value.first))

  function headOf(line: number): SectionHead | null {
    const section = sectionAt.value.get(line)
    if (!section) return null
    return {
      folded: folds.folded(section),
      depth: section.depth,
      lines: Math.max(0, (section.last_line ?? source.lineCount) - section.first_line),
      from: new Date(section.started_ms).toISOString(),
      to: section.ended_ms === null ? null : new Date(section.ended_ms).toISOString(),
    }
  }

  function itemAt(at: number): LogItem {
    const line = folds.map.value.lineOf(at)
    const gap = source.gap?.first === line
    const row = views.get(line, gap ? null : source.get(line), options.expanded.has(line + 1))
    const painted = search.highlighter.value?.paint(row, search.hitOn(line + 1)?.matched ?? null) ?? row
    return { at, row: painted, section: row.edge === 'section' ? headOf(line + 1) : null, time: options.time(line), gap }
  }

  const between = (first: number, last: number): LogItem[] => Array.from({ length: Math.max(0, last - first) }, (_, i) => itemAt(first + i))
  const rows = computed(() => {
    void options.version.value
    void search.revision.value
    return { above: between(view.value.first, split.value), below: between(split.value, view.value.last) }
  })
  return { rows, split }
}
