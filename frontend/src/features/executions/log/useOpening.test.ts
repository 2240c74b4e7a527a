import { describe, expect, it } from 'vitest'
import { effectScope, nextTick, ref, shallowRef } from 'vue'

import type { LogMarks } from './api'
import { LogSource } from './logSource'
import type { LineRange } from './useLineHash'
import { useOpening } from './useOpening'

const NONE: LogMarks = { sections: [], annotations: [], truncated: false }
const ERRORS: LogMarks = {
  ...NONE,
  annotations: [
    { line: 10, level: 'error', message: 'first', file: null, file_line: null },
    { line: 70, level: 'error', message: 'last', file: null, file_line: null },
    { line: 90, level: 'warning', message: 'later', file: null, file_line: null },
  ],
}

function begin(change: { failed?: boolean; ended?: boolean; marked?: LineRange | null } = {}) {
  const { failed = true, ended = true, marked = null } = change
  const moves: (number | 'end')[] = []
  const marks = shallowRef(NONE)
  const never = new Promise<never>(() => {})
  const source = new LogSource({ lines: () => never, subscribe: () => () => {} }, { ended, lines: 1000 }, () => {})
  const scope = effectScope()
  const opening = scope.run(() => useOpening({
    source, marks, marked: ref(marked), failed, goTo: (line) => moves.push(line), toEnd: () => moves.push('end'),
  }))!
  return { opening, marks, moves }
}

describe('開いたときに見せるところ', () => {
  it('失敗した対象は、最後の error の行。印が後から届いてもよい', async () => {
    const { opening, marks, moves } = begin()
    expect(opening.line).toBe(999)
    opening.opened()
    marks.value = ERRORS
    await nextTick()
    expect(moves).toEqual(['end', 70])
  })

  it('印が先に届けば、長さが分かってから動く', async () => {
    const { opening, marks, moves } = begin()
    marks.value = ERRORS
    await nextTick()
    opening.opened()
    expect(moves.at(-1)).toBe(70)
  })

  it('触った後に印が届いても、動かさない', async () => {
    const { opening, marks, moves } = begin()
    opening.opened()
    opening.touched()
    marks.value = ERRORS
    await nextTick()
    expect(moves).toEqual(['end'])
  })

  it('リンクの行があれば、そこ。動いていれば末尾。成功なら先頭のまま', async () => {
    const linked = begin({ marked: { from: 120, to: 180 } })
    linked.opening.opened()
    linked.marks.value = ERRORS
    await nextTick()
    expect([linked.opening.line, linked.moves]).toEqual([119, [120]])
    const running = begin({ ended: false })
    running.opening.opened()
    running.marks.value = ERRORS
    await nextTick()
    expect(running.moves).toEqual(['end'])
    const fine = begin({ failed: false })
    fine.opening.opened()
    expect([fine.opening.line, fine.moves]).toEqual([0, []])
  })
})
