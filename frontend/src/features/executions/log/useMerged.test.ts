import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, ref } from 'vue'

import type { MergedPage } from './api'
import { useMerged } from './useMerged'

const server = vi.hoisted(() => ({ fetchMerged: (): Promise<unknown> => Promise.resolve(null) }))
vi.mock('./api', () => ({ fetchMerged: () => server.fetchMerged() }))

const page = (at: number, after: string | null): MergedPage => ({ rows: [{ target_id: 1, line: at, at_ms: at, data: '' }], before: null, after })

function begin(live = ref(true)) {
  const calls: string[] = []
  const scroll = { refresh: () => calls.push('refresh'), toEnd: () => calls.push('end'), toStart: () => {}, rearrange: () => {} }
  let merged!: ReturnType<typeof useMerged>
  const wrapper = mount(defineComponent({
    setup: () => {
      merged = useMerged({ executionId: 1, live, scroll: () => scroll as never })
      return () => null
    },
  }))
  return { live, calls, merged, wrapper }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('混ぜたログの読み足し', () => {
  it('開く間に終わっても末尾を見せ、最後に届いた分も読む', async () => {
    let answer = (_: MergedPage): void => {}
    server.fetchMerged = () => new Promise((resolve) => (answer = resolve))
    const { live, calls, merged, wrapper } = begin()
    live.value = false
    answer(page(1, 'next'))
    await vi.advanceTimersByTimeAsync(100)
    expect(calls).toEqual(['refresh', 'end'])
    server.fetchMerged = () => Promise.resolve(page(2, null))
    await vi.advanceTimersByTimeAsync(5000)
    expect([merged.feed.rows.length, merged.feed.hasAfter]).toEqual([2, false])
    wrapper.unmount()
  })

  it('動いている間は一秒ごとに続きを読み、離れたらやめる', async () => {
    const asked = vi.fn(() => Promise.resolve({ rows: [], before: null, after: 'same' }))
    server.fetchMerged = asked
    const { wrapper } = begin()
    await vi.advanceTimersByTimeAsync(3500)
    expect(asked.mock.calls.length).toBe(4)
    wrapper.unmount()
    await vi.advanceTimersByTimeAsync(5000)
    expect(asked.mock.calls.length).toBe(4)
  })
})
