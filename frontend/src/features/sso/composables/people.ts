import type { Role, SignInPersonRead } from '@/api'

/** 弱い順。 */
export const ROLES: readonly Role[] = ['viewer', 'operator', 'editor', 'admin']

/**
 * その役割に求めたら、まだ用意のない人の数。
 *
 * プロジェクトの役割はここでは分からないので、いま求められている人はそのまま数える。
 */
export function unprepared(people: readonly SignInPersonRead[], roles: readonly Role[]): number {
  return people.filter((person) => {
    if (person.disabled || person.second_factor_since !== null) return false
    return person.role === null ? person.required && roles.length > 0 : roles.includes(person.role)
  }).length
}
