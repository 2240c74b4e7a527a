import { mdiFolderAccountOutline } from '@mdi/js'

import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/projects',
      name: 'projects',
      component: () => import('./pages/ProjectsPage.vue'),
      meta: { permission: 'project:read', titleKey: 'projects.title' },
    },
    {
      path: '/projects/:id(\\d+)',
      name: 'project',
      component: () => import('./pages/ProjectPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { permission: 'project:read', titleKey: 'projects.title' },
    },
  ],
  navigation: [
    { to: '/projects', titleKey: 'projects.title', icon: mdiFolderAccountOutline, order: 70, permission: 'project:read' },
  ],
} satisfies Feature
