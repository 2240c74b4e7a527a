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
