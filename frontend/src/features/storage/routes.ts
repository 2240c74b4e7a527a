import { mdiDatabaseOutline } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/storage',
      name: 'storage',
      component: () => import('./pages/StoragePage.vue'),
      meta: { permission: 'storage:read', titleKey: 'storage.title' },
    },
  ],
  navigation: [{ to: '/storage', titleKey: 'storage.title', icon: mdiDatabaseOutline, order: 65, permission: 'storage:read' }],
} satisfies Feature
