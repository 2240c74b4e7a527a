export interface Browser {
  /** ブラウザの名前。分からなければ `null`。 */
  name: string | null
  /** 動いている機械。 */
  system: string | null
}

// 先に合ったものを採る。Edge や Opera は Chrome を、Chrome は Safari を名乗るので、この順に見る
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrom(e|ium)\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^python-httpx\//, 'httpx'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

const firstMatch = (rules: readonly [RegExp, string][], text: string): string | null =>
  rules.find(([pattern]) => pattern.test(text))?.[1] ?? null

/** User-Agent を、自分の端末だと見分けられる言葉に。 */
export function readUserAgent(userAgent: string): Browser {
  return { name: firstMatch(BROWSERS, userAgent), system: firstMatch(SYSTEMS, userAgent) }
}
