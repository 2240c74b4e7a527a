import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { streamKey } from '@/shared/composables/useStream'

import App from './App.vue'
import { i18n, preferredLanguage, showLanguage } from './i18n'
import { router } from './router'
import { createStream } from './stream'
import { themeSheet } from './themeSheet'
import { vuetify } from './vuetify'

export async function startApp(): Promise<void> {
  await showLanguage(preferredLanguage())
  const app = createApp(App).use(createPinia()).use(i18n)
  // 配色を受け取る側なので、Vuetify より先に
  app.use(themeSheet).use(vuetify).use(router).provide(streamKey, createStream()).mount('#app')
}
