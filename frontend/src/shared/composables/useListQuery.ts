import { computed, onScopeDispose, reactive, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useRoute, useRouter, type LocationQuery } from 'vue-router'

import { asProblem, type ApiProblem } from '@/api'

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

type FilterValue = string | string[]
export type Filters = Record<string, FilterValue>

export interface ListRequest<F extends Filters> {
  filters: F
  cursor: string | undefined
  signal: AbortSignal
}

export interface ListQuery<T, F extends Filters> {
  items: ShallowRef<T[]>
  filters: F
  loading: Ref<boolean>
  problem: ShallowRef<ApiProblem | null>
  /** 絞り込みが一つでもあるか。空の一覧の言葉を変えるため。 */
  filtered: ComputedRef<boolean>
  hasNext: ComputedRef<boolean>
  hasPrevious: ComputedRef<boolean>
  next: () => void
  previous: () => void
  clearFilters: () => void
  /** 読み直す。`quiet` なら、骨組みを出さずに入れ替える。 */
  reload: (options?: { quiet?: boolean }) => Promise<void>
}

const TYPING_MS = 250

const readValue = (query: LocationQuery, key: string, initial: FilterValue): FilterValue => {
  const raw = query[key]
  const values = (Array.isArray(raw) ? raw : [raw]).filter((value): value is string => typeof value === 'string')
  return Array.isArray(initial) ? values : (values[0] ?? initial)
}

const isSet = (value: FilterValue): boolean => value.length > 0
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * 一覧の位置・絞り込みを URL と結ぶ。戻る・共有・再読み込みで同じ一覧になる。
 *
 * `initial` は絞り込みの名前と空の値。並べ替えも、ただの絞り込みの一つとして渡す。`narrowedBy` は URL の外の
 * 絞り込み(見ているプロジェクト)で、変わると先頭から読み直す。
 */
export function useListQuery<T, F extends Filters>(
  initial: F,
  fetchPage: (request: ListRequest<F>) => Promise<Page<T>>,
  narrowedBy: () => unknown = () => null,
): ListQuery<T, F> {
  const route = useRoute()
  const router = useRouter()
  const path = route.path
  const items = shallowRef<T[]>([])
  const nextCursor = ref<string | null>(null)
  const loading = ref(true)
  const problem = shallowRef<ApiProblem | null>(null)
  const keys = Object.keys(initial)
  const fromUrl = (): F => Object.fromEntries(keys.map((key) => [key, readValue(route.query, key, initial[key] ?? '')])) as F
  const filters = reactive<Filters>(fromUrl()) as F
  const cursor = computed(() => (typeof route.query['cursor'] === 'string' ? route.query['cursor'] : undefined))
  let running: AbortController | undefined
  let typing: ReturnType<typeof setTimeout> | undefined

  async function reload(options: { quiet?: boolean } = {}): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    if (!options.quiet) loading.value = true
    try {
      const page = await fetchPage({ filters: fromUrl(), cursor: cursor.value, signal: mine.signal })
      if (mine !== running) return
      items.value = page.items
      nextCursor.value = page.next_cursor
      problem.value = null
    } catch (error) {
      // 後から始めた読み込みに追い越された失敗は、見せない
      if (mine === running && !mine.signal.aborted) problem.value = asProblem(error)
    } finally {
      if (mine === running) loading.value = false
    }
  }

  const filterQuery = (): Filters => Object.fromEntries(Object.entries(filters).filter(([, value]) => isSet(value)))

  watch(filters, () => {
    clearTimeout(typing)
    typing = setTimeout(() => {
      if (route.path === path && !same({ ...filters }, fromUrl())) void router.replace({ query: filterQuery(), hash: route.hash })
    }, TYPING_MS)
  })
  watch(
    () => (route.path === path ? JSON.stringify([fromUrl(), cursor.value]) : null),
    (now) => {
      if (now === null) return
      clearTimeout(typing)
      if (!same({ ...filters }, fromUrl())) Object.assign(filters, fromUrl())
      void reload()
    },
    { immediate: true },
  )
  watch(narrowedBy, () => {
    if (cursor.value === undefined) void reload()
    else void router.replace({ query: filterQuery() })
  })
  onScopeDispose(() => {
    clearTimeout(typing)
    running?.abort()
  })

  return {
    items,
    filters,
    loading,
    problem,
    filtered: computed(() => Object.values(filters).some(isSet)),
    hasNext: computed(() => nextCursor.value !== null),
    hasPrevious: computed(() => cursor.value !== undefined),
    next: () => void router.push({ query: { ...filterQuery(), cursor: nextCursor.value ?? undefined } }),
    // 一つ前の位置は履歴が覚えている。リンクから直接来た人には無いので、先頭へ戻す
    previous: () => {
      const before = router.options.history.state['back']
      if (typeof before === 'string' && before.startsWith(path)) router.back()
      else void router.push({ query: filterQuery() })
    },
    clearFilters: () => Object.assign(filters, initial),
    reload,
  }
}
