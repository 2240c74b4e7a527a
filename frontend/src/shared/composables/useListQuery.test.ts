import { flushPromises, mount } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'

import { useListQuery, type ListQuery, type ListRequest, type Page } from './useListQuery'

type Names = Record<'q', string> & Record<'state', string[]>
type Fetch = (request: ListRequest<Names>) => Promise<Page<string>>

async function open(path: string, fetch: Fetch): Promise<{ list: ListQuery<string, Names>; router: Router }> {
  let list: ListQuery<string, Names> | undefined
  const page = {
    setup() {
      list = useListQuery<string, Names>({ q: '', state: [] }, fetch)
      return () => h('div')
    },
  }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/list', component: page }] })
  await router.push(path)
  mount(page, { global: { plugins: [router] } })
  await flushPromises()
  if (!list) throw new Error('not mounted')
  return { list, router }
}

const answer = (items: string[], next: string | null = null): Page<string> => ({ items, next_cursor: next })

describe('一覧と URL', () => {
  it('URL の絞り込みと位置から、同じ一覧を開く', async () => {
    const fetch = vi.fn<Fetch>(async () => answer(['a'], 'c2'))
    const { list } = await open('/list?q=web&state=failed&state=lost&cursor=c1', fetch)
    expect(fetch.mock.calls[0]?.[0]).toMatchObject({ filters: { q: 'web', state: ['failed', 'lost'] }, cursor: 'c1' })
    expect([list.items.value, list.hasNext.value, list.hasPrevious.value, list.filtered.value]).toEqual([['a'], true, true, true])
  })

  it('打ち終わると一度だけ URL に移り、先頭のページに戻る', async () => {
    vi.useFakeTimers()
    const fetch = vi.fn<Fetch>(async () => answer([]))
    const { list, router } = await open('/list?cursor=c1', fetch)
    for (const text of ['d', 'db', 'db-']) {
      list.filters.q = text
      await vi.advanceTimersByTimeAsync(50)
    }
    await vi.advanceTimersByTimeAsync(300)
    expect(router.currentRoute.value.fullPath).toBe('/list?q=db-')
    expect(fetch).toHaveBeenCalledTimes(2)
    vi.useRealTimers()
  })

  it('次のページは URL に残る', async () => {
    const { list, router } = await open('/list?q=a', async () => answer([], 'c2'))
    list.next()
    await flushPromises()
    expect(router.currentRoute.value.query).toEqual({ q: 'a', cursor: 'c2' })
  })

  it('遅れて届いた古い答えで、新しい一覧を上書きしない', async () => {
    const waiting: ((page: Page<string>) => void)[] = []
    const { list } = await open('/list', () => new Promise((resolve) => waiting.push(resolve)))
    void list.reload()
    waiting[1]?.(answer(['new']))
    await flushPromises()
    waiting[0]?.(answer(['old']))
    await flushPromises()
    expect(list.items.value).toEqual(['new'])
  })

  it('失敗しても、前の一覧は消えず、やり直せる', async () => {
    let broken = false
    const { list } = await open('/list', async () => {
      if (broken) throw new TypeError('offline')
      return answer(['a'])
    })
    broken = true
    await list.reload({ quiet: true })
    expect([list.items.value, list.problem.value?.code, list.loading.value]).toEqual([['a'], 'network', false])
    broken = false
    await list.reload()
    expect(list.problem.value).toBeNull()
  })
})
