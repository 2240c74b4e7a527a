import type { LogSection } from './api'
import type { LineSpan } from './rowMap'

/** 利用者が開け閉めした区切り。鍵は始まりの行(1 から)。 */
export type FoldChoices = ReadonlyMap<number, boolean>

export function isFolded(section: LogSection, choices: FoldChoices): boolean {
  return choices.get(section.first_line) ?? section.collapsed
}

/** 畳んだ区切りの、始まりの行のほか。 */
export function foldedSpans(sections: readonly LogSection[], choices: FoldChoices): LineSpan[] {
  return sections
    .filter((section) => isFolded(section, choices) && section.last_line !== section.first_line)
    .map((section) => ({ first: section.first_line, last: (section.last_line ?? Infinity) - 1 }))
}

/** その行を見せるために、開くべき区切り。 */
export function sectionsHiding(sections: readonly LogSection[], choices: FoldChoices, line: number): LogSection[] {
  return sections.filter(
    (section) => isFolded(section, choices) && line > section.first_line && line <= (section.last_line ?? Infinity),
  )
}
