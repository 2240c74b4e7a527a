// jsdom には無い。Vuetify の部品は、置かれた瞬間にこれを作る
class NoResizeObserver implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

globalThis.ResizeObserver ??= NoResizeObserver
