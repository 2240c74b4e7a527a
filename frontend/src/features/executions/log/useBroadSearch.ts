import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

import { openSearch, type BroadScope, type SearchQuery } from './api'
import { BROAD_LIMIT, BroadSearch, type BroadState } from './broadSearch'

interface UseBroadSearch {
  state: ShallowRef<BroadState | null>
  start: (scope: BroadScope, query: SearchQuery) => void
  /** その組の続きを足す。 */
  more: (query: SearchQuery, key: string) => void
}

/** いくつものログの検索。画面を離れるとやめる。 */
export function useBroadSearch(): UseBroadSearch {
  const state = shallowRef<BroadState | null>(null)
  let latest: BroadState | null = null
  let frame = 0
  const search = new BroadSearch((changed) => {
    latest = changed
    frame ||= requestAnimationFrame(() => {
      frame = 0
      state.value = latest
    })
  })
  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    search.close()
  })
  return {
    state,
    start: (scope, query) => void search.start((signal) => openSearch({ ...scope, limit: BROAD_LIMIT }, query, signal)),
    more: (query, key) => void search.more(key, (id, fromByte) => (signal) =>
      openSearch({ kind: 'target', id, part: { fromByte, limit: BROAD_LIMIT, count: false } }, query, signal)),
  }
}
