import { onMounted, onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { fetchMerged } from './api'
import { MergedFeed } from './mergedFeed'
import type { LogScroll } from './useLogScroll'

interface Options {
  executionId: number
  live: Ref<boolean>
  scroll: () => LogScroll
}

interface UseMerged {
  feed: MergedFeed
  version: ShallowRef<number>
  /** `[first, last]` の段が見えている。端に近ければ、その先を読む。 */
  near: (first: number, last: number) => void
  /** 全体の端へ。離れていれば、間を読まずに、端から開き直す。 */
  toEdge: (end: boolean) => Promise<void>
}

const AHEAD = 120
const POLL_MS = 1000

/** 混ぜたログの読み足し。動いている間は、新しい側を追い続ける。 */
export function useMerged({ executionId, live, scroll }: Options): UseMerged {
  const version = shallowRef(0)
  let timer: ReturnType<typeof setTimeout> | undefined
  /** 新しい側から開いた。届いたら、末尾を見せる。 */
  let toTail = false

  const feed = new MergedFeed((request, signal) => fetchMerged(executionId, request, signal), (shift) => {
    version.value += 1
    if (shift !== 0) scroll().rearrange((row) => Math.max(0, row + shift))
    else scroll().refresh()
    if (toTail && feed.opened) scroll().toEnd()
    toTail &&= !feed.opened
  })

  async function openTail(): Promise<boolean> {
    toTail = true
    await feed.open(true)
    return false
  }

  async function poll(): Promise<void> {
    timer = undefined
    const more = await (feed.opened ? feed.newer() : openTail())
    if (live.value || more) timer = setTimeout(() => void poll(), more ? 0 : POLL_MS)
  }

  function near(from: number, to: number): void {
    if (!feed.opened) return
    if (from < AHEAD) void feed.older()
    if (!live.value && feed.hasAfter && to > feed.rows.length - AHEAD) void feed.newer()
  }

  async function toEdge(end: boolean): Promise<void> {
    if (end ? !live.value && feed.hasAfter : feed.hasBefore) await feed.open(end)
    if (end) scroll().toEnd()
    else scroll().toStart()
  }

  onMounted(() => (live.value ? void poll() : void feed.open(false)))
  watch(live, (now) => {
    clearTimeout(timer)
    // 終わった後に届いた分を、もう一度だけ読む
    timer = setTimeout(() => void poll(), now ? 0 : POLL_MS)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    feed.close()
  })
  return { feed, version, near, toEdge }
}
