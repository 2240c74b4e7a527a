import { useI18n } from 'vue-i18n'
import type { RouteLocationRaw } from 'vue-router'

import type { AuditEventRead } from '@/api'

interface UseAuditWords {
  actionName: (action: string) => string
  subjectName: (type: string) => string
  /** 物の頁。頁のないものは `null`。 */
  subjectPage: (event: AuditEventRead) => RouteLocationRaw | null
}

const PAGES: Record<string, (id: number) => RouteLocationRaw> = {
  job: (id) => `/jobs/${id}`,
  server: (id) => `/servers/${id}`,
  execution: (id) => `/executions/${id}`,
}
const ROOMS: Record<string, RouteLocationRaw> = {
  credential: '/credentials',
  worker: '/workers',
  retention_policy: '/storage',
  limits: '/queue',
}

/** 操作と物の、人の言葉。訳のないもの(新しい操作)は、名前のまま見せる。 */
export function useAuditWords(): UseAuditWords {
  const { t, te } = useI18n()
  const word = (key: string, plain: string): string => (te(key) ? t(key) : plain)
  return {
    actionName: (action) => word(`audit.action.${action.replaceAll('.', '_')}`, action),
    subjectName: (type) => word(`audit.subjectType.${type}`, type),
    subjectPage: ({ subject_type, subject_id, action }) => {
      if (action.endsWith('.deleted')) return null
      const page = PAGES[subject_type]
      return (subject_id !== null && page ? page(subject_id) : undefined) ?? ROOMS[subject_type] ?? null
    },
  }
}
