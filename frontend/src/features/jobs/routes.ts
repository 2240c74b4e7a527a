import { mdiScriptTextOutline } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/jobs',
      name: 'jobs',
      component: () => import('./pages/JobsPage.vue'),
      meta: { permission: 'job:read', titleKey: 'jobs.title' },
    },
    {
      path: '/jobs/new',
      name: 'job-new',
      component: () => import('./pages/JobFormPage.vue'),
      meta: { permission: 'job:write', titleKey: 'jobs.form.createTitle' },
    },
    {
      path: '/jobs/:id(\\d+)',
      name: 'job',
      component: () => import('./pages/JobPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'job:read', titleKey: 'jobs.title' },
    },
    {
      path: '/jobs/:id(\\d+)/edit',
      name: 'job-edit',
      component: () => import('./pages/JobFormPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'job:write', titleKey: 'jobs.page.edit' },
    },
  ],
  navigation: [{ to: '/jobs', titleKey: 'jobs.title', icon: mdiScriptTextOutline, order: 30, permission: 'job:read' }],
} satisfies Feature
