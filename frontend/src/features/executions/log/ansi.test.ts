import { describe, expect, it } from 'vitest'

import { endOfLine, parseLine, plainText } from './ansi'
import { BACKGROUND, contrast, indexedColor, readable, type Rgb } from './colors'
import { applySgr, PLAIN, sgrStyle } from './sgr'

const shown = (line: string): string => plainText(parseLine(line))

describe('飾り', () => {
  it('飾りの無い行は、一つの切れ端になる', () => {
    expect(parseLine('hello').spans).toEqual([{ text: 'hello', sgr: PLAIN, href: null }])
  })

  it('太字・薄字・斜体・下線を重ね、22 と 0 で戻す', () => {
    const { spans } = parseLine('\x1b[1;2;3;4ma\x1b[22mb\x1b[mc')
    expect(spans.map((span) => [span.text, span.sgr.bold, span.sgr.dim, span.sgr.italic, span.sgr.underline])).toEqual([
      ['a', true, true, true, true],
      ['b', false, false, true, true],
      ['c', false, false, false, false],
    ])
  })

  it('16 色・256 色・24 ビット色を、どの書き方でも読む', () => {
    const color = (line: string): unknown => parseLine(line).spans[0]?.sgr.fg
    expect(color('\x1b[31mx')).toEqual(indexedColor(1))
    expect(color('\x1b[91mx')).toEqual(indexedColor(9))
    expect(color('\x1b[38;5;208mx')).toEqual([255, 135, 0])
    expect(color('\x1b[38;2;1;2;3mx')).toEqual([1, 2, 3])
    expect(color('\x1b[38:2::1:2:3mx')).toEqual([1, 2, 3])
    expect(parseLine('\x1b[38;5;208;1mx').spans[0]?.sgr.bold).toBe(true)
  })

  it('飾りは次の行へ引き継がれる', () => {
    const { end } = parseLine('\x1b[32mgreen')
    expect(parseLine('still', end).spans[0]?.sgr.fg).toEqual(indexedColor(2))
    expect(endOfLine('\x1b[32mgreen', PLAIN)).toEqual(end)
  })

  it('色のほかの制御は、跡を残さず落とす', () => {
    expect(shown('a\x1b[2Jb\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x1b(Be\x1b[?25lf\x07g')).toBe('abcdefg')
  })

  it('途中で切れた制御は、文字として見せない', () => {
    expect(shown('a\x1b[3')).toBe('a')
    expect(shown('a\x1b')).toBe('a')
    expect(shown('a\x1b]0;never closed')).toBe('a')
  })

  it('C1 の制御も、ほかの見えない文字も残さない', () => {
    expect(shown('a\x85b\x9bc\x7fd')).toBe('abcd')
  })

  it('反転は、色と一緒に次の行へ引き継がれる', () => {
    const { end } = parseLine('\x1b[7;31mx')
    expect([end.reverse, parseLine('y', end).spans[0]?.sgr.reverse, parseLine('\x1b[27mz', end).spans[0]?.sgr.reverse]).toEqual([true, true, false])
  })

  it('HTML に見える文字は、そのままの文字である', () => {
    expect(shown('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>')
  })
})

describe('リンク(OSC 8)', () => {
  const links = (line: string): unknown => parseLine(line).spans.map((span) => [span.text, span.href])
  const link = (uri: string, text: string): string => `\x1b]8;;${uri}\x1b\\${text}\x1b]8;;\x1b\\`

  it('http と https の行き先だけがリンクになり、閉じた後はただの文字に戻る', () => {
    expect(links(`見る: ${link('https://example.com/a?b', 'ここ')} まで`)).toEqual([
      ['見る: ', null], ['ここ', 'https://example.com/a?b'], [' まで', null],
    ])
    expect(links('\x1b]8;id=1;http://x/\x07y\x1b]8;;\x07')).toEqual([['y', 'http://x/']])
  })

  it.each(['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'ssh://host', 'https://', ' https://x', `https://x/${'a'.repeat(3000)}`])(
    '危ない行き先 %s は、文字だけを見せる',
    (uri) => {
      expect(links(link(uri, 'x'))).toEqual([['x', null]])
    },
  )

  it('書き直された行でも、残った文字のリンクは正しい', () => {
    expect(links(`読み込み中\r\x1b[K${link('http://x/', 'ok')}`)).toEqual([['ok', 'http://x/']])
  })

  it('閉じ忘れても、次の行はリンクにならない', () => {
    const { end } = parseLine('\x1b]8;;http://x/\x07never closed')
    expect(parseLine('next', end).spans[0]?.href).toBeNull()
  })
})

describe('行の中の書き直し', () => {
  it('CRLF の \\r は、書き直しではない', () => {
    expect([shown('done\r'), shown('done\r\r'), shown('  1%\r100%\r')]).toEqual(['done', 'done', '100%'])
  })

  it('進み具合は、最後の姿だけになる', () => {
    expect(shown('  1%\r 50%\r100%')).toBe('100%')
  })

  it('短く書き直すと、前の文字の残りが見える。CSI K があれば消える', () => {
    expect(shown('hello\rbye')).toBe('byelo')
    expect(shown('hello\r\x1b[Kbye')).toBe('bye')
    expect(shown('hello\x1b[2K\rbye')).toBe('bye')
  })

  it('\\b は一文字戻る', () => {
    expect(shown('ab\bc')).toBe('ac')
  })

  it('絵文字や漢字も、一文字として重ねる', () => {
    expect(shown('日本語\r中')).toBe('中本語')
  })
})

describe('読める色', () => {
  it('どの 256 色も、背景の上で 4.5:1 以上になる', () => {
    for (let index = 0; index < 256; index += 1) {
      expect(contrast(readable(indexedColor(index), BACKGROUND), BACKGROUND)).toBeGreaterThanOrEqual(4.5)
    }
  })

  it('どの背景色の上でも、文字は 4.5:1 以上になる', () => {
    for (let index = 0; index < 256; index += 1) {
      const behind: Rgb = indexedColor(index)
      expect(contrast(readable(indexedColor(7), behind), behind)).toBeGreaterThanOrEqual(4.5)
    }
  })

  it('同じ飾りからは、同じ style を使い回す', () => {
    const bold = applySgr(PLAIN, '1')
    expect(sgrStyle(bold)).toBe(sgrStyle(bold))
  })
})
