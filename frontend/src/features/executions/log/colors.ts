// 端末の色。どれも背景(BACKGROUND)に対して 4.5:1 以上になるように選んである
export type Rgb = readonly [number, number, number]

export const BACKGROUND: Rgb = [16, 20, 26]
export const FOREGROUND: Rgb = [222, 228, 235]
// WCAG AA は 4.5。印の付いた行は背景が少し明るいので、その分の余裕を持つ
const READABLE = 5.5

const PALETTE: readonly Rgb[] = [
  [16, 20, 26], [240, 113, 120], [126, 211, 133], [226, 181, 90], [110, 170, 245], [205, 147, 240], [92, 200, 210], [214, 220, 227],
  [138, 148, 160], [255, 140, 143], [160, 232, 160], [250, 215, 120], [150, 195, 255], [225, 175, 255], [130, 225, 232], [255, 255, 255],
]

const CUBE_FIRST = 16
const GRAY_FIRST = 232
const cubeStep = (value: number): number => (value === 0 ? 0 : value * 40 + 55)

/** 256 色の番号から色へ(xterm の並び)。 */
export function indexedColor(index: number): Rgb {
  const basic = PALETTE[index]
  if (basic) return basic
  if (index >= GRAY_FIRST) {
    const gray = (Math.min(index, 255) - GRAY_FIRST) * 10 + 8
    return [gray, gray, gray]
  }
  const cube = Math.max(0, index - CUBE_FIRST)
  return [cubeStep(Math.floor(cube / 36)), cubeStep(Math.floor(cube / 6) % 6), cubeStep(cube % 6)]
}

/** WCAG 2.2 の相対輝度。 */
function luminance([red, green, blue]: Rgb): number {
  const linear = (value: number): number => {
    const unit = value / 255
    return unit <= 0.04045 ? unit / 12.92 : ((unit + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

export function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

export function mix(from: Rgb, to: Rgb, amount: number): Rgb {
  const at = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * amount)
  return [at(0), at(1), at(2)]
}

/** 背景の上で読める色にする。読めるなら、そのまま返す。 */
export function readable(color: Rgb, background: Rgb): Rgb {
  if (contrast(color, background) >= READABLE) return color
  const end: Rgb = luminance(background) > 0.18 ? [0, 0, 0] : [255, 255, 255]
  for (let amount = 0.1; amount < 1; amount += 0.1) {
    const candidate = mix(color, end, amount)
    if (contrast(candidate, background) >= READABLE) return candidate
  }
  return end
}

export function toCss([red, green, blue]: Rgb): string {
  return `rgb(${red},${green},${blue})`
}
