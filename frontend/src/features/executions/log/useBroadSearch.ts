import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

import { openSearch, type SearchQuery, type SearchScope } from './api'
import { BROAD_LIMIT, BroadSearch, type BroadState } from './broadSearch'

interface UseBroadSearch {
  state: ShallowRef<BroadState | null>
  start: (scope: SearchScope, query: SearchQuery) => void
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
    start: (scope, query) => void search.start((signal) => openSearch(scope, query, BROAD_LIMIT, signal)),
  }
}
