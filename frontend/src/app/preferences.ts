import { watch } from 'vue'

import { useSession } from '@/features/auth'
import { showTimeZone } from '@/shared/lib/timeZone'

import { chooseLanguage, preferredLanguage, showLanguage, type Language } from './i18n'
import { chooseTheme, preferredTheme, showTheme, type ThemeChoice } from './vuetify'

/**
 * 好みを画面に当てる。
 *
 * ログインしていれば、その人の選んだもの。選んでいないか、ログインしていなければ、この端末で選んだもの。
 */
export function followPreferences(): void {
  const session = useSession()
  watch(
    () => JSON.stringify(session.user?.preferences ?? null),
    () => {
      const chosen = session.user?.preferences
      void showLanguage(chosen?.language ?? preferredLanguage())
      showTheme(chosen?.theme ?? preferredTheme())
      showTimeZone(chosen?.time_zone ?? null)
    },
  )
}

/** この端末で選び、ログインしていれば、ほかの端末の自分にも覚えさせる。 */
export async function pickLanguage(language: Language): Promise<void> {
  await chooseLanguage(language)
  await useSession().prefer({ language })
}

export async function pickTheme(theme: ThemeChoice): Promise<void> {
  chooseTheme(theme)
  await useSession().prefer({ theme })
}
