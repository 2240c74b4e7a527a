import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** 印の付いた行。1 から、両端を含む。 */
export interface LineRange {
  from: number
  to: number
}

const HASH = /^#L(\d{1,12})(?:-L?(\d{1,12}))?$/

export function parseLineHash(hash: string): LineRange | null {
  const match = HASH.exec(hash)
  if (!match) return null
  const ends = [Number(match[1]), Number(match[2] ?? match[1])].sort((a, b) => a - b)
  const [from = 0, to = 0] = ends
  return from > 0 ? { from, to } : null
}

export function formatLineHash(range: LineRange): string {
  return range.from === range.to ? `#L${range.from}` : `#L${range.from}-L${range.to}`
}

/** 印の付いた行を URL の `#L120-L180` と結ぶ。リンクを送れば、同じ行が開く。 */
export function useLineHash(): WritableComputedRef<LineRange | null> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => parseLineHash(route.hash),
    // 行を選び直すたびに「戻る」が増えないように、置き換える
    set: (range) => void router.replace({ query: route.query, hash: range ? formatLineHash(range) : '' }),
  })
}
