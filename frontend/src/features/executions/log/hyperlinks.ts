/** 一つのリンクに許す長さ。端末の実装も、これくらいで捨てる。 */
const MAX_URL_CHARS = 2083

/**
 * OSC 8 の行き先。開いてよいものだけを返し、終わりの印と、危ない行き先(`javascript:` など)は `null`。
 *
 * 出典: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
 */
export function safeHref(uri: string): string | null {
  if (uri === '' || uri.length > MAX_URL_CHARS || !/^https?:\/\//i.test(uri)) return null
  return URL.canParse(uri) ? uri : null
}
