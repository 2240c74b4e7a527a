import type { Role } from '@/api'

/** 弱い順。 */
export const ROLES: readonly Role[] = ['viewer', 'operator', 'editor', 'admin']
