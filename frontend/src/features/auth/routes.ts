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
    {
      path: '/change-password',
      name: 'change-password',
      component: () => import('./pages/ChangePasswordPage.vue'),
      meta: { layout: 'bare', titleKey: 'auth.change.title' },
    },
  ],
} satisfies Feature
