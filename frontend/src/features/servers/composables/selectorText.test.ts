import { describe, expect, it } from 'vitest'

import { addTag, markAt } from './selectorText'

describe('札の式を書く手助け', () => {
  it.each([
    ['', 'web', 'web'],
    ['web', 'prod', 'web and prod'],
    ['web or ', 'db', 'web or db'],
    ['web and not', 'canary', 'web and not canary'],
    ['web and (', 'db', 'web and ( db'],
    ['brand', 'x', 'brand and x'],
  ])('「%s」に %s を足すと「%s」', (expression, tag, expected) => {
    expect(addTag(expression, tag)).toBe(expected)
  })

  it('読めなかった語の前後を分ける。絵文字も一文字と数える', () => {
    expect(markAt('web nad prod', 5, 'nad')).toEqual({ before: 'web ', wrong: 'nad', after: ' prod' })
    expect(markAt('web and', 8, '')).toEqual({ before: 'web and', wrong: '', after: '' })
    expect(markAt('🐦 x', 3, 'x')).toEqual({ before: '🐦 ', wrong: 'x', after: '' })
  })
})
