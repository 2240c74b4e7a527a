import type { AnnotationLevel, LogMarks } from './api'
import type { OverviewMark } from './LogOverview.vue'
import type { RowMap } from './rowMap'

const HIT = 'rgb(250 215 120)'
const LEVELS: readonly (readonly [AnnotationLevel, string])[] = [
  ['notice', 'rgb(110 170 245)'],
  ['warning', 'rgb(226 181 90)'],
  ['error', 'rgb(240 113 120)'],
]

/** 巻物の横に出す印。大事なものを後から描く。 */
export function overviewMarks(map: RowMap, marks: LogMarks, hitLines: readonly number[]): OverviewMark[] {
  const rowsOf = (lines: readonly number[]): number[] => lines.map((line) => map.rowOf(line - 1))
  const annotations = LEVELS.map(([level, color]) => ({
    color,
    rows: rowsOf(marks.annotations.filter((one) => one.level === level).map((one) => one.line)),
  }))
  return [{ color: HIT, rows: rowsOf(hitLines) }, ...annotations].filter(({ rows }) => rows.length > 0)
}
