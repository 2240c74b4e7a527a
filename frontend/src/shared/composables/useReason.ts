import { useI18n } from 'vue-i18n'

export interface ReasonText {
  title: string
  what: string
  next: string
}

/** 文に差し込む値。 */
export interface ReasonParams {
  exitCode?: number | null
  signal?: string
}

/**
 * 終わり方の `code` を、人の言葉(何が起きたか、次に何をするか)にする。
 *
 * 文は部屋の訳の `reasons.<code>` にある。新しい版のサーバが知らない名前を返しても、黙らない。
 */
export function useReason(): (code: string, params?: ReasonParams) => ReasonText {
  const { t, te } = useI18n()
  return (code, params = {}) => {
    const known = te(`reasons.${code}.title`) || te(`reasons.${code}.title`, 'en')
    const root = `reasons.${known ? code : 'unknown'}`
    const values = { code, exitCode: params.exitCode ?? '-', signal: params.signal || '-' }
    return { title: t(`${root}.title`, values), what: t(`${root}.what`, values), next: t(`${root}.next`, values) }
  }
}
