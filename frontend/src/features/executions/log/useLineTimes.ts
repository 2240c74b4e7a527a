import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { formatDateTime } from '@/shared/lib/datetime'
import { readPreference, writePreference } from '@/shared/lib/preferences'

import { fetchTimes } from './api'
import { LineTimes } from './lineTimes'
import type { LineSpan } from './rowMap'
import { formatClock, formatDelta, formatElapsed, TIME_MODES, type TimeMode } from './timeFormats'

export interface TimeLabel {
  text: string
  /** 日付まで書いたもの。 */
  title: string
}

interface UseLineTimes {
  mode: Ref<TimeMode>
  want: (spans: readonly LineSpan[], lines: number) => void
  /** 行(0 から)の横に出すもの。出さないなら `null`。 */
  label: (line: number) => TimeLabel | null
}

const PREFERENCE = 'logTimes'

/** 行の時刻の見せ方。選んだものは、次に開くログでも使う。 */
export function useLineTimes(targetId: number, startedAt: string | null): UseLineTimes {
  const { locale } = useI18n()
  const mode = ref<TimeMode>(readPreference(PREFERENCE, TIME_MODES) ?? 'off')
  const revision = shallowRef(0)
  const times = new LineTimes((from, count, signal) => fetchTimes(targetId, from, count, signal), () => (revision.value += 1))
  let last: { spans: readonly LineSpan[]; lines: number } = { spans: [], lines: 0 }
  onScopeDispose(() => times.close())

  function want(spans: readonly LineSpan[], lines: number): void {
    last = { spans, lines }
    if (mode.value !== 'off') times.want(spans, lines)
  }

  watch(mode, (chosen) => {
    writePreference(PREFERENCE, chosen)
    want(last.spans, last.lines)
  })

  function text(line: number, at: number): string {
    if (mode.value === 'clock') return formatClock(at)
    if (mode.value === 'delta') {
      const before = line === 0 ? at : times.at(line - 1)
      return before === null ? '' : formatDelta(at - before)
    }
    const start = startedAt === null ? times.at(0) : Date.parse(startedAt)
    return start === null ? '' : formatElapsed(at - start)
  }

  return {
    mode,
    want,
    label: (line) => {
      void revision.value
      if (mode.value === 'off') return null
      const at = times.at(line)
      return at === null ? { text: '', title: '' } : { text: text(line, at), title: formatDateTime(new Date(at), locale.value) }
    },
  }
}
