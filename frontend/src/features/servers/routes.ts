import { mdiServer } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/servers',
      name: 'servers',
      component: () => import('./pages/ServersPage.vue'),
      meta: { permission: 'server:read', titleKey: 'servers.title' },
    },
    {
      path: '/servers/new',
      name: 'server-new',
      component: () => import('./pages/ServerFormPage.vue'),
      meta: { permission: 'server:write', titleKey: 'servers.form.createTitle' },
    },
    {
      path: '/servers/:id(\\d+)',
      name: 'server',
      component: () => import('./pages/ServerPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'server:read', titleKey: 'servers.title' },
    },
    {
      path: '/servers/:id(\\d+)/edit',
      name: 'server-edit',
      component: () => import('./pages/ServerFormPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'server:write', titleKey: 'servers.edit' },
    },
  ],
  navigation: [{ to: '/servers', titleKey: 'servers.title', icon: mdiServer, order: 40, permission: 'server:read' }],
} satisfies Feature
