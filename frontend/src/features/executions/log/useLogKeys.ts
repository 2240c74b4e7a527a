import type { LogScroll } from './useLogScroll'

type Keys = Pick<LogScroll, 'toStart' | 'toEnd' | 'page' | 'setWrap' | 'wrap' | 'following'>

/** ログの中の鍵盤。less と同じ。ブラウザの鍵(Ctrl+F など)には触れない。 */
export function useLogKeys(scroll: Keys): (event: KeyboardEvent) => void {
  const actions: Readonly<Record<string, () => void>> = {
    g: scroll.toStart,
    Home: scroll.toStart,
    G: scroll.toEnd,
    End: scroll.toEnd,
    PageUp: () => scroll.page(-1),
    PageDown: () => scroll.page(1),
    f: () => {
      if (scroll.following.value) scroll.following.value = false
      else scroll.toEnd()
    },
    w: () => scroll.setWrap(!scroll.wrap.value),
  }
  return (event) => {
    const action = actions[event.key]
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    action()
  }
}
