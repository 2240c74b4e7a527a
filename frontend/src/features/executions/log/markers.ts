import type { AnnotationLevel } from './api'

/** スクリプトが書いた印。画面には、印の文字の代わりに中身を見せる。 */
export type Marker =
  | { kind: 'section'; title: string }
  | { kind: 'end'; text: string }
  | { kind: 'annotation'; level: AnnotationLevel; message: string; where: string }

// eslint-disable-next-line no-control-regex -- 色を付けてから印を書く台本がある
const LEAD = /^(?:[ \t\r]|\x1b\[[0-9;]*[A-Za-z])*/
const COMMAND = /^::(group|endgroup|error|warning|notice)(?: (.*?))?::(.*)$/s
// eslint-disable-next-line no-control-regex -- GitLab の印は、CR と CSI K で自分を消す
const SECTION = /^section_(start|end):\d{1,11}:([\w.-]+)(?:\[[^\]]*\])?\r(?:\x1b\[0?K)?(.*)$/s

/** GitHub の印の中では、改行などが書き換えてある。 */
const unescaped = (text: string): string =>
  text.replace(/%0A/gi, ' ').replace(/%0D/gi, '').replace(/%3A/gi, ':').replace(/%2C/gi, ',').replace(/%25/g, '%')

function whereOf(properties: string): string {
  const values = new Map(properties.split(',').map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1)]))
  const [file, line] = [values.get('file'), values.get('line')]
  if (!file) return ''
  return unescaped(line ? `${file}:${line}` : file)
}

function readSection(line: string): Marker | null {
  const section = SECTION.exec(line)
  if (!section) return null
  const [, edge, name = '', rest = ''] = section
  // 終わりの印のすぐ後ろに、次の始まりの印が続くことがある
  const following = readMarker(rest)
  if (following) return following
  return edge === 'start' ? { kind: 'section', title: rest.trim() === '' ? name : rest } : { kind: 'end', text: rest }
}

function readCommand(line: string): Marker | null {
  const command = COMMAND.exec(line)
  if (!command) return null
  const [, name, properties = '', text = ''] = command
  if (name === 'endgroup') return { kind: 'end', text: '' }
  if (name === 'group') return { kind: 'section', title: unescaped(text) }
  return { kind: 'annotation', level: name as AnnotationLevel, message: unescaped(text), where: whereOf(properties) }
}

/**
 * 行が印なら、その中身。
 *
 * 出典: GitHub Actions の workflow commands、GitLab CI の custom collapsible sections。
 */
export function readMarker(raw: string): Marker | null {
  // ほとんどの行は印でない。先に、安い見分けをする
  if (!raw.includes('::') && !raw.includes('section_')) return null
  const lead = LEAD.exec(raw)?.[0].length ?? 0
  const line = raw.slice(lead).replace(/\r+$/, '')
  return readSection(line) ?? readCommand(line)
}

const SIGNS = ['::', 'section_']
const LONGEST = 8

/** 流れてくるバイト列に、印の書き出しがあったかを見る。枠の境で切れても見落とさない。 */
export class MarkWatch {
  readonly #decoder = new TextDecoder('latin1')
  #end = ''

  sees(bytes: Uint8Array): boolean {
    const text = this.#end + this.#decoder.decode(bytes)
    this.#end = text.slice(1 - LONGEST)
    return SIGNS.some((sign) => text.includes(sign))
  }
}
