import { mdiVariable } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/variables',
      name: 'variables',
      component: () => import('./pages/VariablesPage.vue'),
      meta: { permission: 'variable:read', titleKey: 'variables.title' },
    },
  ],
  navigation: [{ to: '/variables', titleKey: 'variables.title', icon: mdiVariable, order: 55, permission: 'variable:read' }],
} satisfies Feature
