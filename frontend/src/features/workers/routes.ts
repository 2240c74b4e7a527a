import { mdiAccountHardHat } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/workers',
      name: 'workers',
      component: () => import('./pages/WorkersPage.vue'),
      meta: { permission: 'worker:read', titleKey: 'workers.title' },
    },
  ],
  navigation: [{ to: '/workers', titleKey: 'workers.title', icon: mdiAccountHardHat, order: 60, permission: 'worker:read' }],
} satisfies Feature
