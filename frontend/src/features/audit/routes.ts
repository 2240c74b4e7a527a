import { mdiShieldSearch } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/audit',
      name: 'audit',
      component: () => import('./pages/AuditPage.vue'),
      meta: { permission: 'audit:read', titleKey: 'audit.title' },
    },
  ],
  navigation: [{ to: '/audit', titleKey: 'audit.title', icon: mdiShieldSearch, order: 80, permission: 'audit:read' }],
} satisfies Feature
