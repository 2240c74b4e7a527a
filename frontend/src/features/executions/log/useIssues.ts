import { computed, type ComputedRef, type ShallowRef } from 'vue'

import type { LogMarks } from './api'
import { HitList, stepHit, type LineWindow } from './hitList'

interface UseIssues {
  count: ComputedRef<number>
  move: (direction: 1 | -1) => void
}

/** error と warning の注釈を、順に見て回る。 */
export function useIssues(marks: ShallowRef<LogMarks>, window: () => LineWindow, goTo: (line: number) => void): UseIssues {
  let current: number | null = null
  const issues = computed(() => {
    const list = new HitList()
    const found = marks.value.annotations.filter(({ level }) => level !== 'notice').sort((a, b) => a.line - b.line)
    for (const { line, message } of found) list.add({ line, byte: 0, matched: '', text: message })
    return list
  })
  return {
    count: computed(() => issues.value.length),
    move: (direction) => {
      current = stepHit(issues.value, current, window(), direction)
      const issue = current === null ? null : issues.value.get(current)
      if (issue) goTo(issue.line)
    },
  }
}
