import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/permissions',
      name: 'permissions',
      component: () => import('./pages/PermissionsPage.vue'),
      meta: { titleKey: 'permissions.title' },
    },
  ],
} satisfies Feature
