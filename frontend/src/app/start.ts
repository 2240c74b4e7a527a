import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { streamKey } from '@/shared/composables/useStream'

import App from './App.vue'
import { i18n, preferredLanguage, showLanguage } from './i18n'
import { router } from './router'
import { createStream } from './stream'
import { vuetify } from './vuetify'

export async function startApp(): Promise<void> {
  await showLanguage(preferredLanguage())
  createApp(App).use(createPinia()).use(i18n).use(vuetify).use(router).provide(streamKey, createStream()).mount('#app')
}
