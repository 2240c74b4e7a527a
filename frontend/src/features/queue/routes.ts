import { mdiTrayFull } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/queue',
      name: 'queue',
      component: () => import('./pages/QueuePage.vue'),
      meta: { permission: 'execution:read', titleKey: 'queue.title' },
    },
  ],
  navigation: [{ to: '/queue', titleKey: 'queue.title', icon: mdiTrayFull, order: 22, permission: 'execution:read' }],
} satisfies Feature
