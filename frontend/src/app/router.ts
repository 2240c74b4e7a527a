import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'

import type { Feature } from '@/shared/lib/feature'

import { installGuards } from './guards'

const features = Object.values(
  import.meta.glob<Feature>('/src/features/*/routes.ts', { eager: true, import: 'default' }),
)

export const navigation = features
  .flatMap((feature) => feature.navigation ?? [])
  .sort((a, b) => a.order - b.order)

const isBare = (route: RouteRecordRaw): boolean => route.meta?.layout === 'bare'
const rooms = features.flatMap((feature) => feature.routes)
const gallery: RouteRecordRaw[] = import.meta.env.DEV
  ? [{ path: '/gallery', component: () => import('./pages/GalleryPage.vue') }]
  : []

const routes: RouteRecordRaw[] = [
  // 道が '/' のままだと、最初の画面への訪問が、中身の無いこの枠に合ってしまう
  { path: '/bare', component: () => import('./layouts/BareLayout.vue'), children: rooms.filter(isBare) },
  {
    path: '/',
    component: () => import('./layouts/AppLayout.vue'),
    children: [
      ...rooms.filter((route) => !isBare(route)),
      ...gallery,
      { path: '/forbidden', component: () => import('./pages/ForbiddenPage.vue') },
      { path: '/:rest(.*)*', component: () => import('./pages/NotFoundPage.vue') },
    ],
  },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  // `#L120` はログの行。行き先はログの画面が自分で決める
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

installGuards(router)
