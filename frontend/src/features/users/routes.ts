import { mdiAccountGroup } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/users',
      name: 'users',
      component: () => import('./pages/UsersPage.vue'),
      meta: { permission: 'user:write', titleKey: 'users.title' },
    },
    {
      path: '/invite',
      name: 'invite',
      component: () => import('./pages/InvitePage.vue'),
      meta: { layout: 'bare', public: true, titleKey: 'users.join.title' },
    },
  ],
  navigation: [
    { to: '/users', titleKey: 'users.title', icon: mdiAccountGroup, order: 80, permission: 'user:write' },
  ],
} satisfies Feature
