import type { RouteRecordRaw } from 'vue-router'

/** 左の並びの一行。`permission` が無い人には出さない。 */
export interface NavigationItem {
  to: string
  titleKey: string
  icon: string
  order: number
  permission?: string
}

/** 部屋が `routes.ts` の default で差し出すもの。app が集めて並べる。 */
export interface Feature {
  routes: RouteRecordRaw[]
  navigation?: NavigationItem[]
}

declare module 'vue-router' {
  interface RouteMeta {
    /** `bare` は、初回設定やログインのように、並びの無い画面。 */
    layout?: 'app' | 'bare'
    /** ログイン前でも見られる。 */
    public?: boolean
    permission?: string
    titleKey?: string
  }
}
