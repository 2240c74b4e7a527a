import { watch, type Ref, type ShallowRef } from 'vue'

import type { LogMarks } from './api'
import type { LogSource } from './logSource'
import type { LineRange } from './useLineHash'

interface Options {
  source: LogSource
  marks: ShallowRef<LogMarks>
  marked: Ref<LineRange | null>
  /** うまく終わらなかった。 */
  failed: boolean
  goTo: (line: number) => void
  toEnd: () => void
}

interface UseOpening {
  /** 最初に読む行(0 から)。 */
  line: number
  /** 全体の長さが分かった。最初の位置へ動く。 */
  opened: () => void
  /** 利用者が触った。もう勝手に動かさない。 */
  touched: () => void
}

/** 開いたときに見せるところ: リンクの行、失敗なら最後の error の行(無ければ末尾)、動いていれば末尾。 */
export function useOpening({ source, marks, marked, failed, goTo, toEnd }: Options): UseOpening {
  let settled = marked.value !== null || !source.ended || !failed
  let opened = false
  const lastError = (): number | null => marks.value.annotations.filter(({ level }) => level === 'error').at(-1)?.line ?? null

  function toError(): void {
    const line = lastError()
    if (settled || !opened || line === null) return
    settled = true
    goTo(line)
  }

  // 印は行より後に届くことがある。末尾を見せておき、触られていなければ動かす
  watch(marks, () => {
    if (marked.value && !settled) settled = true
    toError()
  })

  return {
    line: marked.value ? marked.value.from - 1 : failed && source.ended ? Math.max(0, source.lineCount - 1) : 0,
    opened: () => {
      opened = true
      if (marked.value) goTo(marked.value.from)
      else if (!source.ended || failed) toEnd()
      toError()
    },
    touched: () => (settled = true),
  }
}
