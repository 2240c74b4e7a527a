import { computed, onScopeDispose, shallowRef, type ComputedRef, type ShallowRef } from 'vue'

import { fetchMarks, type LogMarks, type LogSection } from './api'
import { MarksFeed } from './marksFeed'

interface UseLogMarks {
  marks: ShallowRef<LogMarks>
  /** 区切りの始まりの行(1 から)から、その区切りへ。 */
  sectionAt: ComputedRef<ReadonlyMap<number, LogSection>>
  feed: MarksFeed
}

/** ログの区切りと注釈。 */
export function useLogMarks(targetId: number): UseLogMarks {
  const marks = shallowRef<LogMarks>({ sections: [], annotations: [], truncated: false })
  const feed = new MarksFeed((signal) => fetchMarks(targetId, signal), (found) => (marks.value = found))
  feed.refresh()
  onScopeDispose(() => feed.close())
  return {
    marks,
    sectionAt: computed(() => new Map(marks.value.sections.map((section) => [section.first_line, section]))),
    feed,
  }
}
