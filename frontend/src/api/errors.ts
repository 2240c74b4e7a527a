/** 訳も詳しい文も無いときに使う。 */
export const FALLBACK_CODE = 'unexpected'

interface ProblemKeys {
  what: string
  next: string
}

/** `code` から文の鍵へ。接続の失敗は、実行の結末(`reasons`)と同じ文を使う。 */
export function problemKeys(code: string): ProblemKeys[] {
  return ['errors', 'reasons'].map((root) => ({ what: `${root}.${code}.what`, next: `${root}.${code}.next` }))
}

export function fieldErrorKey(code: string): string {
  return `fieldErrors.${code}`
}
