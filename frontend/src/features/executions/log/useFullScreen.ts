import { onScopeDispose, ref, type Ref } from 'vue'

interface UseFullScreen {
  full: Ref<boolean>
  toggle: () => void
}

/**
 * 画面いっぱいに広げる。
 *
 * 要素だけを全画面にすると、外に出る確認や知らせが見えなくなる。頁を全画面にして、その中で広げる。
 * 全画面を許さないブラウザ(iPhone)でも、頁の中では広がる。
 */
export function useFullScreen(): UseFullScreen {
  const full = ref(false)

  function leave(): void {
    full.value = false
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => {})
  }

  function toggle(): void {
    if (full.value) {
      leave()
      return
    }
    full.value = true
    void document.documentElement.requestFullscreen?.().catch(() => {})
  }

  function onChange(): void {
    if (!document.fullscreenElement) full.value = false
  }

  document.addEventListener('fullscreenchange', onChange)
  onScopeDispose(() => {
    document.removeEventListener('fullscreenchange', onChange)
    leave()
  })
  return { full, toggle }
}
