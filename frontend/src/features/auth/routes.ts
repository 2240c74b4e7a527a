import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/login',
      name: 'login',
      component: () => import('./pages/LoginPage.vue'),
      meta: { layout: 'bare', public: true, titleKey: 'auth.login.title' },
    },
    {
      path: '/profile/two-factor',
      name: 'two-factor',
      component: () => import('./pages/TwoFactorPage.vue'),
      meta: { titleKey: 'auth.twoFactor.title' },
    },
  ],
} satisfies Feature
