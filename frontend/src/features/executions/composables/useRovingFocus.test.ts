import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ref } from 'vue'

import { useRovingFocus } from './useRovingFocus'

const COLUMNS = 3
const ids = [11, 12, 13, 14, 15, 16, 17]
const root = ref<HTMLElement>()
let chosen = 0

// jsdom は並べ方を計算しないので、三列の格子の位置をこちらで答える
function place(option: HTMLElement, index: number): void {
  option.getBoundingClientRect = () => new DOMRect((index % COLUMNS) * 100, Math.floor(index / COLUMNS) * 40, 100, 40)
}

beforeEach(() => {
  const box = document.createElement('div')
  ids.forEach((_, index) => {
    const option = document.createElement('div')
    option.setAttribute('role', 'option')
    option.tabIndex = -1
    place(option, index)
    box.append(option)
  })
  document.body.append(box)
  root.value = box
})
afterEach(() => document.body.replaceChildren())

function press(key: string, from: number): { chosen: number; prevented: boolean } {
  chosen = 0
  const { onKeydown } = useRovingFocus(root, () => ids, (id) => (chosen = id))
  const event = new KeyboardEvent('keydown', { key, cancelable: true })
  onKeydown(event, from)
  return { chosen, prevented: event.defaultPrevented }
}

describe('矢印キーで対象を選ぶ', () => {
  it.each([
    ['ArrowRight', 11, 12],
    ['ArrowLeft', 14, 13],
    ['ArrowDown', 12, 15],
    ['ArrowUp', 17, 14],
    ['Home', 16, 11],
    ['End', 11, 17],
  ])('%s で %i から %i へ', (key, from, to) => {
    expect(press(key, from)).toEqual({ chosen: to, prevented: true })
  })

  it('端では外へ出ず、最後の行の下は最後に留まる', () => {
    expect(press('ArrowLeft', 11).chosen).toBe(11)
    expect(press('ArrowRight', 17).chosen).toBe(17)
    expect(press('ArrowDown', 17).chosen).toBe(17)
  })

  it('ほかのキーには触れない', () => {
    expect(press('Tab', 11)).toEqual({ chosen: 0, prevented: false })
  })
})
