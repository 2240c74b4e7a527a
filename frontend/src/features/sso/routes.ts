import { mdiShieldAccountOutline } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/login/callback',
      name: 'login-callback',
      component: () => import('./pages/CallbackPage.vue'),
      meta: { layout: 'bare', public: true, titleKey: 'sso.callback.title' },
    },
    {
      path: '/profile/linked-accounts',
      name: 'linked-accounts',
      component: () => import('./pages/LinkedAccountsPage.vue'),
      meta: { titleKey: 'sso.mine.title' },
    },
    {
      path: '/settings/sign-in',
      name: 'sign-in-settings',
      component: () => import('./pages/SignInSettingsPage.vue'),
      meta: { permission: 'user:write', titleKey: 'sso.title' },
    },
    {
      path: '/settings/sign-in/providers/new',
      name: 'provider-new',
      component: () => import('./pages/ProviderFormPage.vue'),
      meta: { permission: 'user:write', titleKey: 'sso.form.addTitle' },
    },
    {
      path: '/settings/sign-in/providers/:id(\\d+)',
      name: 'provider-edit',
      component: () => import('./pages/ProviderFormPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'user:write', titleKey: 'sso.title' },
    },
  ],
  navigation: [{ to: '/settings/sign-in', titleKey: 'sso.title', icon: mdiShieldAccountOutline, order: 95, permission: 'user:write' }],
} satisfies Feature
