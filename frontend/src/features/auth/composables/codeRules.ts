import { useI18n } from 'vue-i18n'

import type { Rule } from '@/shared/forms/useRules'

/** 認証アプリは「123 456」のように区切って見せるので、空白は許す。 */
export const isSixDigits = (value: string): boolean => /^\d{6}$/.test(value.replace(/\s/g, ''))

export function useCodeRules(): { digits: Rule } {
  const { t } = useI18n()
  return { digits: (value) => isSixDigits(value ?? '') || t('auth.code.digits') }
}
