/**
 * 文字をクリップボードへ。できたかを返す。
 *
 * `navigator.clipboard` は https か localhost でしか使えない。社内の http で動かす人のために、古い方法を残す。
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    if ('clipboard' in navigator) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // 許されていないときも、古い方法なら通ることがある
  }
  const area = document.createElement('textarea')
  area.value = text
  area.style.cssText = 'position:fixed;opacity:0'
  // 開いている箱の外に置くと、箱が焦点を取り返してしまう
  const home = document.activeElement?.closest('[role="dialog"]') ?? document.body
  home.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}
