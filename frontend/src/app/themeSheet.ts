import type { Plugin } from 'vue'

interface Head {
  style: { textContent: string }[]
}

/**
 * Vuetify の配色を、組み立てたスタイルシートに置く。
 *
 * Vuetify は、頁の頭を束ねる道具(Unhead)がいればそれに配色を渡し、いなければ `<style>` を innerHTML で書く。
 * 頁の Content-Security-Policy は innerHTML を通さない(Trusted Types)ので、ここが渡され役になる。
 */
export const themeSheet: Plugin = {
  install(app) {
    const sheet = new CSSStyleSheet()
    document.adoptedStyleSheets.push(sheet)
    const show = (head: () => Head): void => {
      sheet.replaceSync(head().style.map((style) => style.textContent).join('\n'))
    }
    app.provide('usehead', {
      push(head: () => Head) {
        show(head)
        return { patch: show }
      },
    })
  },
}
