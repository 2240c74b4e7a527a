import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/profile',
      name: 'profile',
      component: () => import('./pages/ProfilePage.vue'),
      meta: { titleKey: 'profile.title' },
    },
  ],
} satisfies Feature
