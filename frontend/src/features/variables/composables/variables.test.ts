import { describe, expect, it } from 'vitest'

import { givenFromRows, givenProblems, newGivenRow, rowsAreGood } from './givenRows'
import { base64Of, formFrom, inputFrom } from './variableForm'
import { isTooShortToMask, nameProblem } from './variableNames'

describe('変数の名前', () => {
  it.each([
    ['PATH_2', null],
    ['_x', null],
    ['', 'nameRequired'],
    ['2ND', 'name'],
    ['A-B', 'name'],
    ['日本', 'name'],
    ['TSUBAME_X', 'reserved'],
  ])('%s', (name, problem) => {
    expect(nameProblem(name)).toBe(problem)
  })
})

describe('伏せられない秘密', () => {
  it('前後の空白を除いて四文字に満たないものを、短いと言う。絵文字も一文字', () => {
    expect(['', 'abc', 'abcd', ' abc ', '🐦🐦🐦', '🐦🐦🐦🐦'].map(isTooShortToMask)).toEqual([false, true, false, true, true, false])
  })
})

describe('変数の書式', () => {
  it('直すとき、空の秘密は送らず、今の値のままにする', () => {
    expect(inputFrom({ name: ' TOKEN ', kind: 'secret', value: '', file: '' })).toEqual({ name: 'TOKEN', kind: 'secret' })
    expect(inputFrom({ name: 'KEY', kind: 'file', value: 'x', file: '' })).toEqual({ name: 'KEY', kind: 'file' })
  })

  it('秘密でない空の値は、空として送る', () => {
    expect(inputFrom({ name: 'A', kind: 'plain', value: '', file: '' })).toEqual({ name: 'A', kind: 'plain', value: '' })
  })

  it('秘密の値は、読み込んだ変数からは決して入らない', () => {
    expect(formFrom(null, 'secret')).toEqual({ name: '', kind: 'secret', value: '', file: '' })
  })

  it('どのバイトも base64 になる', () => {
    const bytes = Uint8Array.from({ length: 65_536 }, (_, at) => at % 256)
    expect(atob(base64Of(bytes)).length).toBe(65_536)
    expect(base64Of(Uint8Array.of(0, 255, 128))).toBe('AP+A')
  })
})

describe('始めるときに渡す変数', () => {
  it('行ごとに誤りを言い、空の行は送らない', () => {
    const rows = [
      newGivenRow({ name: 'A', value: '1' }),
      newGivenRow({ name: 'A', value: '2' }),
      newGivenRow({ name: 'T', secret: true }),
      newGivenRow(),
    ]
    expect(givenProblems(rows)).toEqual([null, 'duplicate', 'valueRequired', null])
    expect(rowsAreGood(rows)).toBe(false)
    expect(givenFromRows([rows[0] ?? newGivenRow(), newGivenRow({ name: 'T', value: 'x', secret: true }), newGivenRow()])).toEqual([
      { name: 'A', value: '1', kind: 'plain' },
      { name: 'T', value: 'x', kind: 'secret' },
    ])
  })
})
