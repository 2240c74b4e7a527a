import { endOfLine } from './ansi'
import { LINE_LIMIT_BYTES, type RawLine } from './lineBlocks'
import { PLAIN, type Sgr } from './sgr'

interface TailLine {
  text: string
  start: Sgr
  cut: boolean
}

/**
 * 届いたバイト列の続きから、行を作る。
 *
 * 位置はいつもバイトで持ち、文字にするのは最後。枠の境で切れた文字も、続きが来れば正しい文字になる。
 * 古い行から捨てるので、どれだけ流れても大きさは変わらない(捨てた行は API から読み直せる)。
 */
export class TailBuffer {
  readonly #maxLines: number
  readonly #maxChars: number
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #lines: TailLine[] = []
  #chars = 0
  #open = false
  #first: number
  #end: number

  /** `firstLine` は最初の行の番号(0 から)、`firstByte` はその位置。 */
  constructor(firstLine: number, firstByte: number, limits = { lines: 4000, chars: 4_000_000 }) {
    this.#first = firstLine
    this.#end = firstByte
    this.#maxLines = limits.lines
    this.#maxChars = limits.chars
  }

  /** 持っている最初の行の番号。 */
  get firstLine(): number {
    return this.#first
  }

  /** 全部の行の数。途中の行も一行。 */
  get lineCount(): number {
    return this.#first + this.#lines.length
  }

  /** 次に来るはずのバイトの位置。 */
  get endByte(): number {
    return this.#end
  }

  get(line: number): RawLine | null {
    return this.#lines[line - this.#first] ?? null
  }

  /**
   * 続きを足す。間が抜けていたら、何もせずに `false`。
   *
   * つなぎ直した後は、同じところがもう一度届きうる。重なりは捨てる。
   */
  append(offset: number, bytes: Uint8Array): boolean {
    if (offset > this.#end) return false
    const fresh = bytes.subarray(Math.min(bytes.length, this.#end - offset))
    if (fresh.length > 0) this.#take(fresh)
    return true
  }

  /** サーバが途中を切って返したとき、本当の位置まで進める。 */
  skipTo(byte: number): void {
    if (byte <= this.#end) return
    this.#end = byte
    this.#decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const last = this.#lines.at(-1)
    if (this.#open && last) last.cut = true
  }

  #take(bytes: Uint8Array): void {
    this.#end += bytes.length
    const pieces = this.#decoder.decode(bytes, { stream: true }).split('\n')
    pieces.forEach((piece, index) => {
      if (index > 0) this.#open = false
      if (piece !== '') this.#extend(piece)
      else if (index < pieces.length - 1) this.#ensureOpen()
    })
    this.#trim()
  }

  #ensureOpen(): TailLine {
    const last = this.#lines.at(-1)
    if (this.#open && last) return last
    const line = { text: '', start: last ? endOfLine(last.text, last.start) : PLAIN, cut: false }
    this.#lines.push(line)
    this.#open = true
    return line
  }

  #extend(piece: string): void {
    const line = this.#ensureOpen()
    if (line.cut) return
    this.#chars -= line.text.length
    line.text += piece
    if (line.text.length > LINE_LIMIT_BYTES) this.#shorten(line)
    this.#chars += line.text.length
  }

  /** 長すぎる行。書き直し(`\r`)なら最後の姿だけ、そうでなければ頭だけを残す。 */
  #shorten(line: TailLine): void {
    const rewound = line.text.lastIndexOf('\r', line.text.length - 2)
    if (rewound >= 0 && line.text.length - rewound < LINE_LIMIT_BYTES) {
      line.start = endOfLine(line.text.slice(0, rewound), line.start)
      line.text = line.text.slice(rewound + 1)
      return
    }
    line.text = line.text.slice(0, LINE_LIMIT_BYTES)
    line.cut = true
  }

  #trim(): void {
    if (this.#lines.length <= this.#maxLines && this.#chars <= this.#maxChars) return
    // 一行ずつ詰めると毎回全部が動く。半分まで一度に捨てる
    let dropped = 0
    let chars = this.#chars
    while (
      dropped < this.#lines.length - 1 &&
      (this.#lines.length - dropped > this.#maxLines / 2 || chars > this.#maxChars / 2)
    ) {
      chars -= this.#lines[dropped]?.text.length ?? 0
      dropped += 1
    }
    this.#lines = this.#lines.slice(dropped)
    this.#first += dropped
    this.#chars = chars
  }
}
