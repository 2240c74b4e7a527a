import { useI18n } from 'vue-i18n'

import type { ApiProblem } from '@/api'
import { asProblem } from '@/api'
import { FALLBACK_CODE, fieldErrorKey, problemKeys } from '@/api/errors'

export interface ProblemText {
  code: string
  what: string
  /** 次に何をすればよいか。言えることが無ければ空。 */
  next: string
}

interface UseProblemText {
  describe: (error: unknown) => ProblemText
  fieldMessage: (error: ApiProblem['errors'][number]) => string
}

/** 失敗を、利用者の言葉にする。訳の無い `code` は、サーバの文をそのまま見せる。 */
export function useProblemText(): UseProblemText {
  const { t, te } = useI18n()

  function describe(error: unknown): ProblemText {
    const problem = asProblem(error)
    const known = problemKeys(problem.code).find((keys) => te(keys.what))
    if (known) {
      return {
        code: problem.code,
        what: t(known.what, { ...problem.params }),
        next: te(known.next) ? t(known.next, { ...problem.params }) : '',
      }
    }
    const what = problem.detail || t(`errors.${FALLBACK_CODE}.what`, { ...problem.params })
    return { code: problem.code, what, next: '' }
  }

  function fieldMessage(error: ApiProblem['errors'][number]): string {
    const key = fieldErrorKey(error.code)
    return te(key) ? t(key, { ...error.params }) : error.message
  }

  return { describe, fieldMessage }
}
