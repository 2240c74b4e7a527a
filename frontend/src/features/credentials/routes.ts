import { mdiKeyVariant } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/credentials',
      name: 'credentials',
      component: () => import('./pages/CredentialsPage.vue'),
      meta: { permission: 'credential:read', titleKey: 'credentials.title' },
    },
  ],
  navigation: [
    { to: '/credentials', titleKey: 'credentials.title', icon: mdiKeyVariant, order: 50, permission: 'credential:read' },
  ],
} satisfies Feature
