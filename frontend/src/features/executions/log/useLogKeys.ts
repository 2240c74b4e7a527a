import type { LogScroll } from './useLogScroll'

type Scroll = Pick<LogScroll, 'toStart' | 'toEnd' | 'page' | 'step' | 'setWrap' | 'wrap' | 'following'>

export interface LogCommands {
  search: () => void
  hit: (direction: 1 | -1) => void
  issue: (direction: 1 | -1) => void
  times: () => void
  full: () => void
  help: () => void
  /** 開いているもの(検索、全画面)を一つ閉じる。無ければ `false`。 */
  escape: () => boolean
}

export function toggleFollow(scroll: Pick<LogScroll, 'following' | 'toEnd'>): void {
  if (scroll.following.value) scroll.following.value = false
  else scroll.toEnd()
}

/** 字を打つところでは、鍵はその字になる。 */
const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLInputElement || target instanceof HTMLSelectElement

type Actions = Readonly<Record<string, () => void>>

function scrollActions(scroll: Scroll): Actions {
  return {
    j: () => scroll.step(1),
    k: () => scroll.step(-1),
    g: scroll.toStart,
    Home: scroll.toStart,
    G: scroll.toEnd,
    End: scroll.toEnd,
    PageUp: () => scroll.page(-1),
    PageDown: () => scroll.page(1),
    f: () => toggleFollow(scroll),
  }
}

function handler(actions: Actions, escape: () => boolean): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
    if (event.key === 'Escape') {
      if (escape()) event.preventDefault()
      return
    }
    const action = actions[event.key]
    if (!action) return
    event.preventDefault()
    action()
  }
}

/** 動くだけの鍵盤。 */
export function useScrollKeys(scroll: Scroll): (event: KeyboardEvent) => void {
  return handler(scrollActions(scroll), () => false)
}

/** ログの中の鍵盤。less と同じ。ブラウザの鍵(Ctrl+F など)には触れない。 */
export function useLogKeys(scroll: Scroll, commands: LogCommands): (event: KeyboardEvent) => void {
  return handler({
    ...scrollActions(scroll),
    w: () => scroll.setWrap(!scroll.wrap.value),
    '/': commands.search,
    n: () => commands.hit(1),
    N: () => commands.hit(-1),
    e: () => commands.issue(1),
    E: () => commands.issue(-1),
    t: commands.times,
    F: commands.full,
    '?': commands.help,
  }, commands.escape)
}
