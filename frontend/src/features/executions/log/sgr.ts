import { BACKGROUND, FOREGROUND, indexedColor, mix, readable, toCss, type Rgb } from './colors'

/** 文字の飾りの今の状態。変わるたびに新しく作るので、行の間で共有してよい。 */
export interface Sgr {
  readonly fg: Rgb | null
  readonly bg: Rgb | null
  readonly bold: boolean
  readonly dim: boolean
  readonly italic: boolean
  readonly underline: boolean
  readonly strike: boolean
  readonly reverse: boolean
}

export const PLAIN: Sgr = {
  fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, strike: false, reverse: false,
}

const SIMPLE: Readonly<Record<number, Partial<Sgr>>> = {
  0: PLAIN,
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 4: { underline: true }, 7: { reverse: true }, 9: { strike: true },
  21: { underline: true }, 22: { bold: false, dim: false }, 23: { italic: false }, 24: { underline: false },
  27: { reverse: false }, 29: { strike: false }, 39: { fg: null }, 49: { bg: null },
}

function basicColor(code: number): Partial<Sgr> | null {
  if (code >= 30 && code <= 37) return { fg: indexedColor(code - 30) }
  if (code >= 90 && code <= 97) return { fg: indexedColor(code - 82) }
  if (code >= 40 && code <= 47) return { bg: indexedColor(code - 40) }
  if (code >= 100 && code <= 107) return { bg: indexedColor(code - 92) }
  return null
}

const clampByte = (value: number | undefined): number => Math.min(255, Math.max(0, value ?? 0))

/** `38;5;n` と `38;2;r;g;b`。使った数の数も返す。 */
function extendedColor(codes: readonly number[], at: number): { color: Rgb | null; used: number } {
  const kind = codes[at + 1]
  if (kind === 5) return { color: indexedColor(clampByte(codes[at + 2])), used: 2 }
  if (kind !== 2) return { color: null, used: 0 }
  return { color: [clampByte(codes[at + 2]), clampByte(codes[at + 3]), clampByte(codes[at + 4])], used: 4 }
}

const moves = new WeakMap<Sgr, Map<string, Sgr>>()
const MOVES_KEPT = 512

/**
 * `ESC [ … m` の中身を当てた、次の状態。
 *
 * 同じ移り方には同じものを返す。ログの飾りは数通りの繰り返しなので、style も切れ端も使い回せる。
 */
export function applySgr(state: Sgr, parameters: string): Sgr {
  let known = moves.get(state)
  if (known === undefined) moves.set(state, (known = new Map<string, Sgr>()))
  let next = known.get(parameters)
  if (next === undefined) {
    // 一画素ごとに色の違う絵のようなログで、際限なく覚えない
    if (known.size >= MOVES_KEPT) known.clear()
    next = computeSgr(state, parameters)
    known.set(parameters, next)
  }
  return next
}

function computeSgr(state: Sgr, parameters: string): Sgr {
  // `38:2::r:g:b` のコロンの書き方は、空の欄(色空間)を除けばセミコロンと同じ
  const codes = parameters.replace(/([34]8):2::/g, '$1:2:').split(/[;:]/).map(Number)
  let next = state
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0
    if (code === 38 || code === 48) {
      const { color, used } = extendedColor(codes, i)
      if (color) next = { ...next, [code === 38 ? 'fg' : 'bg']: color }
      i += used
    } else {
      const change = SIMPLE[code] ?? basicColor(code)
      if (change) next = change === PLAIN ? PLAIN : { ...next, ...change }
    }
  }
  return next
}

const styles = new WeakMap<Sgr, Readonly<Record<string, string>>>()

function colorStyle(state: Sgr): Record<string, string> {
  const [fg, bg] = state.reverse
    ? [state.bg ?? BACKGROUND, state.fg ?? FOREGROUND]
    : [state.fg ?? FOREGROUND, state.bg]
  const behind = bg ?? BACKGROUND
  const style: Record<string, string> = {}
  if (state.fg || state.bg || state.reverse || state.dim) {
    style['color'] = toCss(readable(state.dim ? mix(fg, behind, 0.4) : fg, behind))
  }
  if (bg) style['backgroundColor'] = toCss(bg)
  return style
}

/** 画面に出すための style。HTML の文字列は作らない。 */
export function sgrStyle(state: Sgr): Readonly<Record<string, string>> {
  const held = styles.get(state)
  if (held) return held
  const style = colorStyle(state)
  if (state.bold) style['fontWeight'] = '700'
  if (state.italic) style['fontStyle'] = 'italic'
  const lines = [state.underline && 'underline', state.strike && 'line-through'].filter(Boolean)
  if (lines.length > 0) style['textDecoration'] = lines.join(' ')
  styles.set(state, style)
  return style
}
