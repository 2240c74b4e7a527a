import { nextTick, type Ref } from 'vue'

/**
 * 並んだものを矢印キーで選ぶ(WAI-ARIA APG の listbox)。
 *
 * 格子でも上下左右のどれでも隣へ動く。格子の列の数は幅で変わるので、上下は画面の位置で探す。
 */
export function useRovingFocus(
  root: Ref<HTMLElement | undefined>,
  ids: () => readonly number[],
  select: (id: number) => void,
): { onKeydown: (event: KeyboardEvent, current: number) => void } {
  function option(index: number): HTMLElement | null {
    return root.value?.querySelectorAll<HTMLElement>('[role="option"]')[index] ?? null
  }

  function vertical(from: number, direction: 1 | -1): number {
    const here = option(from)?.getBoundingClientRect()
    if (here === undefined) return from
    for (let index = from + direction; index >= 0 && index < ids().length; index += direction) {
      const there = option(index)?.getBoundingClientRect()
      if (there !== undefined && there.top !== here.top && there.left === here.left) return index
    }
    return from + direction
  }

  function destination(key: string, from: number): number | null {
    if (key === 'ArrowRight') return from + 1
    if (key === 'ArrowLeft') return from - 1
    if (key === 'ArrowDown') return vertical(from, 1)
    if (key === 'ArrowUp') return vertical(from, -1)
    if (key === 'Home') return 0
    if (key === 'End') return ids().length - 1
    return null
  }

  function onKeydown(event: KeyboardEvent, current: number): void {
    const from = ids().indexOf(current)
    const to = destination(event.key, from)
    if (to === null) return
    event.preventDefault()
    const index = Math.min(Math.max(0, to), ids().length - 1)
    const id = ids()[index]
    if (id === undefined) return
    select(id)
    void nextTick(() => option(index)?.focus())
  }

  return { onKeydown }
}
