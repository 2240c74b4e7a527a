import { useI18n } from 'vue-i18n'

import type { Rule } from '@/shared/forms/useRules'

import { exitCodesOf, isShare } from './policyForm'

interface PolicyRules {
  whole: (min: number, max: number) => Rule
  decimal: (min: number, max: number) => Rule
  priority: Rule
  share: Rule
  exitCodes: Rule
}

/** 数の欄の検査。空は「決めない」なので、いつでもよい。 */
export function usePolicyRules(): PolicyRules {
  const { t, n } = useI18n()

  function number(pattern: RegExp, min: number, max: number): Rule {
    return (value) => {
      const written = (value ?? '').trim()
      const good = pattern.test(written) && Number(written) >= min && Number(written) <= max
      return written === '' || good || t('jobs.rule.range', { min: n(min), max: n(max) })
    }
  }

  return {
    whole: (min, max) => number(/^\d{1,7}$/, min, max),
    decimal: (min, max) => number(/^\d{1,4}(\.\d{1,4})?$/, min, max),
    priority: number(/^-?\d{1,3}$/, -100, 100),
    share: (value) => (value ?? '').trim() === '' || isShare(value ?? '', 0) || t('jobs.rule.share'),
    exitCodes: (value) =>
      exitCodesOf(value ?? '').every((code) => Number.isInteger(code) && code >= 1 && code <= 255) || t('jobs.rule.exitCodes'),
  }
}
