import type { Feature } from '@/shared/lib/feature'

export default {
  routes: [
    {
      path: '/setup',
      name: 'setup',
      component: () => import('./pages/SetupPage.vue'),
      meta: { layout: 'bare', public: true, titleKey: 'setup.title' },
    },
  ],
} satisfies Feature
