import { ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { useProblemText } from '@/shared/composables/useProblemText'
import { useSnackbar } from '@/shared/composables/useSnackbar'
import { copyText } from '@/shared/lib/clipboard'

import { downloadUrl, fetchLines } from './api'
import { COPY_LIMIT_BYTES, readRange } from './copyRange'
import type { LogSource } from './logSource'
import type { LineRange } from './useLineHash'

interface LogActions {
  copying: Ref<boolean>
  copy: (marked: LineRange | null) => Promise<void>
  download: () => Promise<void>
}

/** ログを外へ持ち出す操作。 */
export function useLogActions(targetId: number, source: LogSource): LogActions {
  const { t, n } = useI18n()
  const { describe } = useProblemText()
  const snackbar = useSnackbar()
  const copying = ref(false)

  async function copyRange(range: LineRange): Promise<void> {
    const missing = (from: number, to: number): string => t('log.copyGap', { from: n(from), to: n(to) })
    const text = await readRange((from, count, signal) => fetchLines(targetId, from, count, signal), range, missing, AbortSignal.timeout(60_000))
    if (text === null) snackbar.error(t('log.copyTooLarge'))
    else if (await copyText(text)) snackbar.success(t('log.copied', { count: n(range.to - range.from + 1) }))
    else snackbar.error(t('common.copyFailed'))
  }

  async function copy(marked: LineRange | null): Promise<void> {
    const all = { from: 1, to: source.lineCount }
    if (marked === null && source.byteCount > COPY_LIMIT_BYTES) {
      snackbar.error(t('log.copyTooLarge'))
      return
    }
    copying.value = true
    try {
      await copyRange(marked ? { from: marked.from, to: Math.min(marked.to, source.lineCount) } : all)
    } catch (error) {
      snackbar.error(describe(error).what)
    } finally {
      copying.value = false
    }
  }

  async function download(): Promise<void> {
    try {
      const link = document.createElement('a')
      link.href = await downloadUrl(targetId)
      link.download = ''
      link.click()
    } catch (error) {
      snackbar.error(describe(error).what)
    }
  }

  return { copying, copy, download }
}
