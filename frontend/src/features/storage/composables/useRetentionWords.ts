import { useI18n } from 'vue-i18n'

import type { PolicyInput } from '@/api'

interface UseRetentionWords {
  keeps: (policy: PolicyInput) => string
  archives: (policy: PolicyInput) => string
}

/** 決まりを一文で言う。 */
export function useRetentionWords(): UseRetentionWords {
  const { t, n } = useI18n()
  return {
    keeps: ({ keep_days: days, keep_executions: count }) => {
      if (days !== null && count !== null) return t('storage.keeps.both', { days: n(days), count: n(count) })
      if (days !== null) return t('storage.keeps.days', { days: n(days) })
      if (count !== null) return t('storage.keeps.count', { count: n(count) })
      return t('storage.keeps.forever')
    },
    archives: ({ archive_after_days: days }) => {
      if (days === null) return t('storage.archives.never')
      return days === 0 ? t('storage.archives.atOnce') : t('storage.archives.after', { days: n(days) })
    },
  }
}
