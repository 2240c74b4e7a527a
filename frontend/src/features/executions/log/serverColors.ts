import { toCss, type Rgb } from './colors'

// どれも端末の背景に対して 7:1 以上。隣り合う二つの色みが離れる順に並べてある
const SERVER_COLORS: readonly Rgb[] = [
  [126, 211, 133], [240, 160, 110], [130, 185, 255], [240, 140, 200], [226, 205, 100],
  [110, 215, 220], [200, 165, 255], [190, 220, 110], [255, 150, 150], [170, 190, 210],
]

/** 並びの中の何番目のサーバかで決まる色。名前も添えるので、同じ色が二つあってもよい。 */
export function serverColor(index: number): string {
  return toCss(SERVER_COLORS[index % SERVER_COLORS.length] ?? [222, 228, 235])
}
