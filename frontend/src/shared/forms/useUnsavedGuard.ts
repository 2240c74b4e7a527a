import { onBeforeUnmount, onMounted } from 'vue'
import { useI18n } from 'vue-i18n'
import { onBeforeRouteLeave, onBeforeRouteUpdate } from 'vue-router'

import { useConfirm } from '@/shared/composables/useConfirm'

/**
 * 書きかけのまま画面を離れるときに尋ねる。
 *
 * タブを閉じるときはブラウザの箱しか出せないので、そちらにも知らせる。
 */
export function useUnsavedGuard(isDirty: () => boolean): void {
  const { t } = useI18n()
  const confirm = useConfirm()

  async function mayLeave(): Promise<boolean> {
    if (!isDirty()) return true
    return confirm({
      title: t('forms.unsaved.title'),
      text: t('forms.unsaved.text'),
      confirmLabel: t('forms.unsaved.leave'),
      cancelLabel: t('forms.unsaved.stay'),
      danger: true,
    })
  }

  function beforeUnload(event: BeforeUnloadEvent): void {
    if (isDirty()) event.preventDefault()
  }

  onBeforeRouteLeave(mayLeave)
  onBeforeRouteUpdate((to, from) => (to.path === from.path ? true : mayLeave()))
  onMounted(() => window.addEventListener('beforeunload', beforeUnload))
  onBeforeUnmount(() => window.removeEventListener('beforeunload', beforeUnload))
}
