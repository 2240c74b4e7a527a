import { safeHref } from './hyperlinks'
import { applySgr, PLAIN, type Sgr } from './sgr'

export interface Span {
  text: string
  sgr: Sgr
  /** OSC 8 のリンクの行き先。開いてよいものだけ。 */
  href: string | null
}

export interface StyledLine {
  spans: Span[]
  /** 次の行が引き継ぐ飾り。 */
  end: Sgr
}

// ECMA-48: CSI、OSC 8(リンク)、ほかの OSC などの文字列、二文字の列。文字列が閉じていなければ、その行の終わりまでを捨てる
// eslint-disable-next-line no-control-regex -- 制御文字を読むことが、この式の仕事
const ESCAPE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\]8;[^;\x07\x1b]*;([^\x07\x1b]*)(?:\x07|\x1b\\)|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\[[0-?]*[ -/]*$|[ -/]*[0-~]|$)/g
// eslint-disable-next-line no-control-regex -- 見えない制御文字を、残さず落とす
const INVISIBLE = /[\x00-\x07\x0b-\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]/g
const TAB = 8

/** 次に書く文字の姿。リンクは行をまたがない(閉じ忘れた一つが、残りの全部をリンクにしないように)。 */
interface Pen {
  sgr: Sgr
  href: string | null
}

interface Cell extends Pen {
  text: string
}

const BLANK: Cell = { text: ' ', sgr: PLAIN, href: null }

function movePen(pen: Pen, escape: RegExpMatchArray): Pen {
  if (escape[2] === 'm') return { ...pen, sgr: applySgr(pen.sgr, escape[1] ?? '') }
  if (escape[3] !== undefined) return { ...pen, href: safeHref(escape[3]) }
  return pen
}

/** その行の飾りの終わりだけを求める。画面に出さない行のため。 */
export function endOfLine(line: string, start: Sgr): Sgr {
  if (!line.includes('\x1b')) return start
  let sgr = start
  for (const match of line.matchAll(ESCAPE)) {
    if (match[2] === 'm') sgr = applySgr(sgr, match[1] ?? '')
  }
  return sgr
}

const visible = (text: string): string => text.replace(INVISIBLE, '')

function push(spans: Span[], text: string, { sgr, href }: Pen): void {
  if (text === '') return
  const last = spans.at(-1)
  if (last?.sgr === sgr && last.href === href) last.text += text
  else spans.push({ text, sgr, href })
}

function parseForward(line: string, start: Sgr): StyledLine {
  const spans: Span[] = []
  let pen: Pen = { sgr: start, href: null }
  let at = 0
  for (const match of line.matchAll(ESCAPE)) {
    push(spans, visible(line.slice(at, match.index)), pen)
    at = match.index + match[0].length
    pen = movePen(pen, match)
  }
  push(spans, visible(line.slice(at)), pen)
  return { spans, end: pen.sgr }
}

/** 行の中で戻る(`\r`、`\b`)端末のまね。前に書いた文字の上に、重ねて書く。 */
class Overwriter {
  readonly #cells: Cell[] = []
  #column = 0

  write(text: string, pen: Pen): void {
    for (const char of text) {
      if (char === '\r') this.#column = 0
      else if (char === '\b') this.#column = Math.max(0, this.#column - 1)
      else if (char === '\t') this.#advanceTab(pen)
      else this.#put(char, pen)
    }
  }

  /** CSI K。0 は右、1 は左、2 は全部。 */
  erase(mode: string): void {
    if (mode === '' || mode === '0') this.#cells.length = Math.min(this.#cells.length, this.#column)
    else if (mode === '2') this.#cells.length = 0
    else for (let i = 0; i <= this.#column && i < this.#cells.length; i += 1) this.#cells[i] = BLANK
  }

  spans(): Span[] {
    const spans: Span[] = []
    for (const cell of this.#cells) push(spans, cell.text, cell)
    return spans
  }

  #put(char: string, pen: Pen): void {
    if (visible(char) === '') return
    while (this.#cells.length < this.#column) this.#cells.push(BLANK)
    this.#cells[this.#column] = { ...pen, text: char }
    this.#column += 1
  }

  #advanceTab(pen: Pen): void {
    const next = (Math.floor(this.#column / TAB) + 1) * TAB
    while (this.#cells.length < next) this.#cells.push({ ...pen, text: ' ' })
    this.#column = next
  }
}

function parseOverwriting(line: string, start: Sgr): StyledLine {
  const screen = new Overwriter()
  let pen: Pen = { sgr: start, href: null }
  let at = 0
  for (const match of line.matchAll(ESCAPE)) {
    screen.write(line.slice(at, match.index), pen)
    at = match.index + match[0].length
    pen = movePen(pen, match)
    if (match[2] === 'K') screen.erase(match[1] ?? '')
  }
  screen.write(line.slice(at), pen)
  return { spans: screen.spans(), end: pen.sgr }
}

/** 一行を、飾りごとの切れ端に。`\r` で書き直された行は、最後の姿になる。 */
export function parseLine(raw: string, start: Sgr = PLAIN): StyledLine {
  // 行末の \r は、CRLF(端末を通ると CR CR LF にもなる)の名残。書き直しではない
  const line = raw.replace(/\r+$/, '')
  return line.includes('\r') || line.includes('\b') ? parseOverwriting(line, start) : parseForward(line, start)
}

export function plainText(line: StyledLine): string {
  return line.spans.map((span) => span.text).join('')
}
