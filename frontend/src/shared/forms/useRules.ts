import { useI18n } from 'vue-i18n'

export type Rule<T = string> = (value: T | null | undefined) => true | string

interface UseRules {
  required: Rule
  chosen: Rule<unknown>
  maxLength: (max: number) => Rule
  username: Rule
}

/** どの部屋の入力欄も使う検査。打つたびに働く。 */
export function useRules(): UseRules {
  const { t } = useI18n()
  return {
    required: (value) => (value ?? '').trim() !== '' || t('forms.rule.required'),
    chosen: (value) => (value !== null && value !== undefined) || t('forms.rule.choose'),
    // サーバと同じく、絵文字も一文字と数える
    maxLength: (max) => (value) => [...(value ?? '')].length <= max || t('forms.rule.tooLong', { max }),
    username: (value) => /^[\p{L}\p{N}_.@+-]+$/u.test((value ?? '').trim()) || t('forms.rule.username'),
  }
}
