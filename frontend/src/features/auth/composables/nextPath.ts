/**
 * ログインのあとに戻る場所。
 *
 * よそのサイトへ送り出す踏み台にされないよう、この画面の中の道だけを通す
 * (`//evil.example` や `/\evil.example` はブラウザが別のサイトと読む)。
 */
export function nextPath(wanted: unknown): string {
  const safe = typeof wanted === 'string' && /^\/(?![/\\])/.test(wanted) && !wanted.startsWith('/login')
  return safe ? wanted : '/'
}

const KEPT = 'tsubame.next'

/** 提供者の画面へ出ているあいだ、戻る場所を覚えておく。このタブだけの話なので、サーバには預けない。 */
export function keepNextPath(wanted: unknown): void {
  sessionStorage.setItem(KEPT, nextPath(wanted))
}

export function takeNextPath(): string {
  const kept = sessionStorage.getItem(KEPT)
  sessionStorage.removeItem(KEPT)
  return nextPath(kept)
}
