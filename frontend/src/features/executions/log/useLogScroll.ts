import { nextTick, onBeforeUnmount, onMounted, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { ScrollModel } from './scrollModel'

/** 今どの段を、どこに描くか。段は 0 から。 */
export interface LogWindow {
  first: number
  /** ここから上は下端を、ここから下は上端を、`top` に合わせて置く。 */
  anchor: number
  last: number
  top: number
  spacer: number
}

interface Options {
  element: Readonly<Ref<HTMLElement | null>>
  rowHeight: number
  rowCount: () => number
  /** まだ増えるか。終わったログでは追いかけない。 */
  growing: () => boolean
  onWindow: (first: number, last: number) => void
}

export interface LogScroll {
  view: ShallowRef<LogWindow>
  following: Ref<boolean>
  wrap: Ref<boolean>
  atEnd: Ref<boolean>
  /** 段が増えた・届いた。描画一回につき、多くて一度呼ぶこと。 */
  refresh: () => void
  goTo: (row: number) => void
  toStart: () => void
  toEnd: () => void
  page: (direction: 1 | -1) => void
  /** `count` 段だけ動く。 */
  step: (count: number) => void
  /** 段の並びが変わった。`newRowOf` は、今の段の新しい番号を返す。 */
  rearrange: (newRowOf: (row: number) => number) => void
  setWrap: (on: boolean) => void
}

const OVERSCAN = 12
const IDLE_MS = 160
const CONTEXT_ROWS = 3

export function useLogScroll(options: Options): LogScroll {
  const { element, rowCount, growing } = options
  const model = new ScrollModel(options.rowHeight)
  const view = shallowRef<LogWindow>({ first: 0, anchor: 0, last: 0, top: 0, spacer: 0 })
  const following = ref(false)
  const wrap = ref(false)
  const atEnd = ref(true)
  let idle: ReturnType<typeof setTimeout> | undefined
  let width = 0
  let jumps = 0

  function show(): void {
    const rows = Math.ceil(model.viewport / model.rowHeight) + 1
    const first = Math.max(0, model.line - OVERSCAN)
    const last = Math.min(rowCount(), model.line + rows + OVERSCAN)
    atEnd.value = model.atEnd
    view.value = { first, anchor: model.line, last, top: model.top, spacer: model.spacer }
    if (last > first) options.onWindow(first, last - 1)
  }

  function syncScroll(): void {
    if (!element.value) return
    element.value.scrollTop = model.idealScrollTop
    // ブラウザは、画面の一画素に丸めた値を返す
    model.scrollTop = element.value.scrollTop
  }

  function measure(): void {
    const heights = new Map<number, number>()
    for (const row of element.value?.querySelectorAll<HTMLElement>('[data-row]') ?? []) {
      heights.set(Number(row.dataset['row']), row.getBoundingClientRect().height)
    }
    model.measured(heights)
  }

  /** 描いてから位置を合わせる。行が増えて巻物が伸びた後でないと、その位置へは動けない。 */
  async function draw(moved: boolean): Promise<void> {
    model.lines = rowCount()
    if (following.value) model.goTo(model.endAnchor())
    show()
    await nextTick()
    if (model.wraps) measure()
    if (following.value) model.goTo(model.endAnchor())
    if (moved || following.value) syncScroll()
    show()
  }

  function onScroll(): void {
    const to = element.value?.scrollTop ?? 0
    if (to === model.scrollTop) return
    const up = to < model.scrollTop
    const stuck = model.scrolled(to)
    following.value = !up && growing() && model.atEnd
    if (stuck) syncScroll()
    show()
    clearTimeout(idle)
    idle = setTimeout(() => settle(), IDLE_MS)
    if (model.wraps) void nextTick(measure)
  }

  /** 手が止まったら、つまみを今の行に釣り合う位置へ直す。動いている間に直すと、手とけんかする。 */
  function settle(): void {
    if (following.value || Math.abs(model.idealScrollTop - model.scrollTop) < 1) return
    syncScroll()
    show()
  }

  function jump(move: () => void, follow: boolean): void {
    jumps += 1
    model.lines = rowCount()
    move()
    following.value = follow && growing()
    void draw(true)
  }

  function resized(): void {
    const box = element.value
    if (!box) return
    model.viewport = box.clientHeight
    // 幅が変わると、折り返した行の高さは全部違う
    if (model.wraps && box.clientWidth !== width) model.wraps = true
    width = box.clientWidth
    void draw(true)
  }

  let observer: ResizeObserver | undefined
  onMounted(() => {
    const box = element.value
    if (!box) return
    box.addEventListener('scroll', onScroll, { passive: true })
    observer = new ResizeObserver(resized)
    observer.observe(box)
    resized()
  })
  onBeforeUnmount(() => {
    observer?.disconnect()
    clearTimeout(idle)
  })

  return {
    view,
    following,
    wrap,
    atEnd,
    refresh: () => void draw(false),
    goTo: (row) => jump(() => model.goTo({ line: row - CONTEXT_ROWS, offset: 0 }), false),
    toStart: () => jump(() => model.goTo({ line: 0, offset: 0 }), false),
    // 折り返した末尾の高さは、描くまで分からない。二度目で合う
    toEnd: () => {
      jump(() => model.goTo(model.endAnchor()), true)
      const mine = jumps
      void nextTick(() => {
        // その間に、ほかへ飛んでいるかもしれない
        if (jumps === mine) jump(() => model.goTo(model.endAnchor()), true)
      })
    },
    page: (direction) => jump(() => model.move(direction * (model.viewport - model.rowHeight)), direction > 0 && model.atEnd),
    step: (count) => jump(() => model.move(count * model.rowHeight), count > 0 && model.atEnd),
    rearrange: (newRowOf) => {
      const { line, offset } = model
      model.lines = rowCount()
      model.rearranged()
      model.goTo({ line: newRowOf(line), offset })
      // 新しい並びで古い窓を描かないように、先に窓を直す
      show()
      void draw(true)
    },
    setWrap: (on) => {
      wrap.value = on
      model.wraps = on
      void draw(true)
    },
  }
}
