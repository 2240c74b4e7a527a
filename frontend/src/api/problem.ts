import type { FieldProblem, Problem } from './generated/types.gen'

/** API の失敗。`code` は機械が読む名前で、画面はこれを訳す(RFC 9457)。 */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly params: Readonly<Record<string, string | number>>
  readonly errors: readonly FieldProblem[]

  constructor(problem: Partial<Problem> & { code: string }, options?: ErrorOptions) {
    super(problem.detail ?? problem.code, options)
    this.code = problem.code
    this.status = problem.status ?? 0
    this.detail = problem.detail ?? ''
    this.params = problem.params ?? {}
    this.errors = problem.errors ?? []
  }
}

function isProblemBody(body: unknown): body is Partial<Problem> & { code: string } {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
}

/** 本文が problem+json でないとき(間の proxy の 502 など)も、同じ形にそろえる。 */
export function problemFrom(body: unknown, status: number): ApiProblem {
  if (isProblemBody(body)) return new ApiProblem({ ...body, status })
  return new ApiProblem({ code: status >= 500 ? 'unavailable' : 'unexpected', status, params: { status } })
}

/** 投げられたものを、画面に出せる形にする。 */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  // fetch は、つながらないことを TypeError でしか知らせない
  if (error instanceof TypeError) return new ApiProblem({ code: 'network', detail: error.message }, { cause: error })
  const detail = error instanceof Error ? error.message : String(error)
  return new ApiProblem({ code: 'unexpected', detail, params: { status: 0 } }, { cause: error })
}

export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
