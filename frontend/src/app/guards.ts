import { shallowRef } from 'vue'
import type { RouteLocationNormalized, RouteLocationRaw, Router } from 'vue-router'

import { useSession } from '@/features/auth'

/** 最初の問い合わせの失敗。App が、画面の代わりに見せる。 */
export const startProblem = shallowRef<unknown>(null)

/** 替えるまで、ほかの画面へは行けない。決めているのはサーバで、ここは案内するだけ。 */
export const CHANGE_PASSWORD = '/change-password'

interface Visitor {
  needsSetup: boolean
  isLoggedIn: boolean
  mustChangePassword: boolean
  canSomewhere: (permission: string) => boolean
}

/** 行ってよいか、代わりにどこへ行くか。 */
export function decide(to: RouteLocationNormalized, visitor: Visitor): RouteLocationRaw | true {
  if (visitor.needsSetup) return to.path === '/setup' || { path: '/setup' }
  if (to.meta.public) return !(visitor.isLoggedIn && to.path === '/login') || { path: '/' }
  if (!visitor.isLoggedIn) return { path: '/login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (visitor.mustChangePassword !== (to.path === CHANGE_PASSWORD)) {
    return { path: visitor.mustChangePassword ? CHANGE_PASSWORD : '/' }
  }
  if (to.meta.permission && !visitor.canSomewhere(to.meta.permission)) return { path: '/forbidden' }
  return true
}

export function installGuards(router: Router): void {
  router.beforeEach(async (to) => {
    const session = useSession()
    try {
      await session.load()
      startProblem.value = null
    } catch (error) {
      startProblem.value = error
      return false
    }
    return decide(to, session)
  })
}
