/** 自分で `<style>` を書くライブラリに渡す、この頁だけの印。back end が頁を出すたびに変わる。 */
export function cspNonce(): string {
  // 属性はブラウザが隠すので、property から読む
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? ''
}
