import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, nextTick, ref } from 'vue'

import type { ServerRead } from '@/api'

import { findServers } from '../queries'

import { useServerSearch } from './useServerSearch'

vi.mock('../queries', () => ({ findServers: vi.fn() }))

const answers = new Map<string, (servers: ServerRead[]) => void>()
const place = ref(1)
const named = (name: string) => ({ name }) as ServerRead

function start(skips?: (text: string) => boolean) {
  let made: ReturnType<typeof useServerSearch> | undefined
  mount(defineComponent({
    setup() {
      made = useServerSearch(() => place.value, skips)
      return () => null
    },
  }))
  if (made === undefined) throw new Error('setup did not run')
  return made
}

beforeEach(() => {
  vi.useFakeTimers()
  answers.clear()
  place.value = 1
  vi.mocked(findServers).mockReset().mockImplementation((text) => new Promise((resolve) => answers.set(text, resolve)))
})
afterEach(() => vi.useRealTimers())

describe('useServerSearch', () => {
  it('打つ手が止まってから、最後の言葉だけを尋ねる', () => {
    const { search } = start()
    search('w')
    search('we')
    search('web')
    vi.advanceTimersByTime(300)
    expect(vi.mocked(findServers).mock.calls).toEqual([['', 1], ['web', 1]])
  })

  it('遅れて届いた前の答えで、今の答えを上書きしない', async () => {
    const { find, found } = start()
    const slow = find('w')
    const fast = find('web')
    answers.get('web')?.([named('web-1')])
    await fast
    answers.get('w')?.([named('worker-1')])
    await slow
    expect(found.value?.map((server) => server.name)).toEqual(['web-1'])
  })

  it('飛ばすと言われた言葉では探さない', () => {
    const { search } = start((text) => text === 'chosen')
    search('chosen')
    vi.advanceTimersByTime(300)
    expect(vi.mocked(findServers).mock.calls).toEqual([['', 1]])
  })

  it('プロジェクトを選び直すと探し直し、前のプロジェクトの答えは捨てる', async () => {
    const { found } = start()
    const old = answers.get('')
    place.value = 2
    await nextTick()
    expect(findServers).toHaveBeenLastCalledWith('', 2)
    old?.([named('theirs')])
    await nextTick()
    expect(found.value).toBeNull()
    answers.get('')?.([named('ours')])
    await vi.waitFor(() => expect(found.value?.[0]?.name).toBe('ours'))
  })
})
