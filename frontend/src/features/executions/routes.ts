import { mdiHistory } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/executions',
      name: 'executions',
      component: () => import('./pages/ExecutionsPage.vue'),
      meta: { permission: 'execution:read', titleKey: 'executions.title' },
    },
    {
      path: '/executions/:id(\\d+)',
      name: 'execution',
      component: () => import('./pages/ExecutionPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'execution:read', titleKey: 'executions.title' },
    },
  ],
  navigation: [
    { to: '/executions', titleKey: 'executions.title', icon: mdiHistory, order: 20, permission: 'execution:read' },
  ],
} satisfies Feature
