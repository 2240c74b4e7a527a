import 'vuetify/styles'

import { useI18n } from 'vue-i18n'
import { createVuetify, type ThemeDefinition } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'
import { createVueI18nAdapter } from 'vuetify/locale/adapters/vue-i18n'

import { readPreference, writePreference } from '@/shared/lib/preferences'

import { i18n } from './i18n'

export const THEMES = ['system', 'light', 'dark'] as const
export type ThemeChoice = (typeof THEMES)[number]

// 既定の淡い色では、文字が背景と 4.5:1 に届かない(axe で確かめた)
const variables = { 'medium-emphasis-opacity': 0.76, 'disabled-opacity': 0.5 }

const light: ThemeDefinition = {
  dark: false,
  colors: {
    background: '#f5f7f9',
    surface: '#ffffff',
    'surface-variant': '#44505e',
    primary: '#1f5a92',
    secondary: '#4b5b6c',
    accent: '#a3481f',
    error: '#b3261e',
    success: '#17663a',
    warning: '#855300',
    info: '#0b5f80',
  },
  variables,
}

const dark: ThemeDefinition = {
  dark: true,
  colors: {
    background: '#10151b',
    surface: '#19212a',
    'surface-variant': '#c3cdd8',
    primary: '#8fc1f0',
    secondary: '#b4c0cd',
    accent: '#f0a98a',
    error: '#f4a8a2',
    success: '#82d3a0',
    warning: '#ebc272',
    info: '#86cbe3',
  },
  variables,
}

export const vuetify = createVuetify({
  locale: { adapter: createVueI18nAdapter({ i18n, useI18n }) },
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  theme: { defaultTheme: preferredTheme(), themes: { light, dark } },
  display: { mobileBreakpoint: 'md' },
  defaults: {
    VBtn: { variant: 'flat' },
    VCard: { rounded: 'lg', flat: true, border: true },
    VTextField: { variant: 'outlined', density: 'comfortable', color: 'primary' },
    VTextarea: { variant: 'outlined', density: 'comfortable', color: 'primary' },
    VSelect: { variant: 'outlined', density: 'comfortable', color: 'primary' },
    VAutocomplete: { variant: 'outlined', density: 'comfortable', color: 'primary' },
    VCombobox: { variant: 'outlined', density: 'comfortable', color: 'primary' },
    VCheckbox: { color: 'primary', density: 'comfortable' },
    VSwitch: { color: 'primary', density: 'comfortable' },
    VAlert: { variant: 'tonal', rounded: 'lg' },
  },
})

/** この端末で選んだ見た目、無ければ端末に合わせる。 */
export function preferredTheme(): ThemeChoice {
  return readPreference('theme', THEMES) ?? 'system'
}

export function showTheme(choice: ThemeChoice): void {
  vuetify.theme.change(choice)
}

export function chooseTheme(choice: ThemeChoice): void {
  showTheme(choice)
  writePreference('theme', choice)
}
