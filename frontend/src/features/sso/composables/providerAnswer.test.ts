import { describe, expect, it } from 'vitest'

import { answerFrom } from './providerAnswer'

describe('提供者から戻った住所', () => {
  it('ふつうの答えを読む', () => {
    expect(answerFrom({ state: 's', code: 'c', iss: 'https://id.example' })).toEqual({
      state: 's',
      code: 'c',
      iss: 'https://id.example',
      error: null,
    })
  })

  it('断りは、符号なしで伝える', () => {
    expect(answerFrom({ state: 's', error: 'access_denied' })).toMatchObject({ code: null, error: 'access_denied' })
  })

  it('何もなくても、二つあっても壊れない', () => {
    expect(answerFrom({}).state).toBe('-')
    expect(answerFrom({ code: ['a', 'b'], state: ['x'] })).toMatchObject({ code: 'a', state: 'x' })
  })
})
