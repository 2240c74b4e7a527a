import { mdiConsole } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/console',
      name: 'console',
      component: () => import('./pages/ConsolePage.vue'),
      meta: { permission: 'execution:command', titleKey: 'console.title' },
    },
  ],
  navigation: [
    { to: '/console', titleKey: 'console.title', icon: mdiConsole, order: 25, permission: 'execution:command' },
  ],
} satisfies Feature
