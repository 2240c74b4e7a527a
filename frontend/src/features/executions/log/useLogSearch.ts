import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import { openSearch, type SearchQuery } from './api'
import { Highlighter } from './highlight'
import type { Hit, LineWindow } from './hitList'
import { IDLE, LogSearch, type SearchState } from './logSearch'

interface Options {
  targetId: number
  window: () => LineWindow
  goTo: (line: number) => void
}

export interface UseLogSearch {
  open: Ref<boolean>
  query: SearchQuery
  state: ShallowRef<SearchState>
  /** 見つかったものが変わるたびに進む。 */
  revision: ShallowRef<number>
  /** 今いるところ。0 から。 */
  position: Ref<number | null>
  current: ComputedRef<Hit | null>
  highlighter: ComputedRef<Highlighter | null>
  hitOn: (line: number) => Hit | null
  lines: () => number[]
  move: (direction: 1 | -1) => void
  grew: (bytes: number) => void
  close: () => void
}

const TYPING_MS = 250

/** ログの中の検索。打つ手が止まると探し始め、閉じるとやめる。 */
export function useLogSearch(options: Options): UseLogSearch {
  const open = ref(false)
  const query = reactive<SearchQuery>({ q: '', regex: false, case: false, word: false })
  const state = shallowRef(IDLE)
  const revision = shallowRef(0)
  const position = ref<number | null>(null)
  let frame = 0
  let typing: ReturnType<typeof setTimeout> | undefined

  const search = new LogSearch(
    (asked, part, signal) => openSearch({ kind: 'target', id: options.targetId, part }, asked, signal),
    () => {
      // 一秒に何万件も見つかる。画面は一コマに一度だけ
      frame ||= requestAnimationFrame(() => {
        frame = 0
        state.value = search.state
        revision.value += 1
      })
    },
  )
  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    clearTimeout(typing)
    search.close()
  })

  function begin(): void {
    clearTimeout(typing)
    typing = undefined
    position.value = null
    search.start({ ...query })
  }

  watch(query, () => {
    clearTimeout(typing)
    typing = setTimeout(begin, TYPING_MS)
  })

  async function move(direction: 1 | -1): Promise<void> {
    if (typing !== undefined) begin()
    const next = await search.step(position.value, options.window(), direction)
    const hit = next === null ? null : search.hits.get(next)
    if (hit === null) return
    position.value = next
    options.goTo(hit.line)
  }

  function close(): void {
    open.value = false
    query.q = ''
    begin()
  }

  return {
    open,
    query,
    state,
    revision,
    position,
    current: computed(() => (void revision.value, position.value === null ? null : search.hits.get(position.value))),
    highlighter: computed(() => (query.q === '' ? null : new Highlighter({ ...query }))),
    hitOn: (line) => search.hits.on(line),
    lines: () => search.marks,
    move: (direction) => void move(direction),
    grew: (bytes) => search.grew(bytes),
    close,
  }
}
