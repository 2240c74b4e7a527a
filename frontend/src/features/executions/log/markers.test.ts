import { describe, expect, it } from 'vitest'

import { MarkWatch, readMarker } from './markers'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('印の読み取り', () => {
  it('GitHub の区切りと注釈', () => {
    expect(readMarker('::group::準備 100%25')).toEqual({ kind: 'section', title: '準備 100%' })
    expect(readMarker('::endgroup::\r')).toEqual({ kind: 'end', text: '' })
    expect(readMarker('::error::boom')).toEqual({ kind: 'annotation', level: 'error', message: 'boom', where: '' })
    expect(readMarker('::warning file=a.sh,line=3::two%0Alines')).toEqual({ kind: 'annotation', level: 'warning', message: 'two lines', where: 'a.sh:3' })
    expect(readMarker('::notice title=x::a::b')).toMatchObject({ level: 'notice', message: 'a::b' })
  })

  it('GitLab の区切り。終わりと始まりが一行に続くこともある', () => {
    expect(readMarker('section_start:1732440000:build[collapsed=true]\r\x1b[0K\x1b[36mBuild')).toEqual({ kind: 'section', title: '\x1b[36mBuild' })
    expect(readMarker('section_end:1732440001:build\r\x1b[0K')).toEqual({ kind: 'end', text: '' })
    expect(readMarker('section_start:1:deploy\r\x1b[0K')).toEqual({ kind: 'section', title: 'deploy' })
    expect(readMarker('section_end:1:a\r\x1b[0Ksection_start:1:b\r\x1b[0KB')).toEqual({ kind: 'section', title: 'B' })
  })

  it('色や空白の後でもよい', () => {
    expect(readMarker('\x1b[31m  ::error::x\x1b[0m')).toMatchObject({ level: 'error', message: 'x\x1b[0m' })
  })

  it.each(['plain', 'x ::error::x', '::debug::x', 'section_start:x', 'std::error::code', '::error'])('印でない行 %s は、そのまま', (line) => {
    expect(readMarker(line)).toBeNull()
  })
})

describe('印の見張り', () => {
  it('印の書き出しが枠の境で切れても、見落とさない', () => {
    const watch = new MarkWatch()
    expect([watch.sees(bytes('hello: world\nsect')), watch.sees(bytes('ion_start:1:a\r')), watch.sees(bytes('あいう x:')), watch.sees(bytes(':'))])
      .toEqual([false, true, false, true])
  })
})
