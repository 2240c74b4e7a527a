import type { LocationQuery } from 'vue-router'

import type { ProviderAnswerInput } from '@/api'

const one = (value: LocationQuery[string] | undefined): string | null => {
  const first = Array.isArray(value) ? value[0] : value
  return first === undefined || first === '' ? null : (first ?? null)
}

/** 提供者から戻った住所の中身。足りないものは、サーバがわけを言って断る。 */
export function answerFrom(query: LocationQuery): ProviderAnswerInput {
  return { state: one(query.state) ?? '-', code: one(query.code), iss: one(query.iss), error: one(query.error) }
}
