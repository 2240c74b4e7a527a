import { mdiViewDashboardOutline } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/',
      name: 'dashboard',
      component: () => import('./pages/DashboardPage.vue'),
      meta: { permission: 'execution:read', titleKey: 'dashboard.title' },
    },
  ],
  navigation: [{ to: '/', titleKey: 'dashboard.title', icon: mdiViewDashboardOutline, order: 10 }],
} satisfies Feature
