import { createI18n } from 'vue-i18n'

import { readPreference, writePreference } from '@/shared/lib/preferences'

import type { Messages } from './messages/merge'

export const LANGUAGES = ['ja', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  missingWarn: import.meta.env.DEV,
  fallbackWarn: false,
  messages: {} as Record<string, Messages>,
})

const loaders: Record<Language, () => Promise<{ default: Messages }>> = {
  ja: () => import('./messages/ja'),
  en: () => import('./messages/en'),
}

/** 選んだ言語、無ければブラウザの言語。 */
export function preferredLanguage(): Language {
  const chosen = readPreference('language', LANGUAGES)
  if (chosen) return chosen
  const first = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.some((l) => l === tag))
  return first === 'ja' ? 'ja' : 'en'
}

/** 文を読み込んでから切り替える。鍵の名前が一瞬でも見えないように。 */
export async function showLanguage(language: Language): Promise<void> {
  if (!i18n.global.availableLocales.includes(language)) {
    i18n.global.setLocaleMessage(language, (await loaders[language]()).default)
  }
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

export async function chooseLanguage(language: Language): Promise<void> {
  await showLanguage(language)
  writePreference('language', language)
}
