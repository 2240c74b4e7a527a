import { describe, expect, it } from 'vitest'

import { Highlighter, highlighted, hitRanges, matchedText } from './highlight'
import { RowViews, type RowSpan } from './rowView'
import { PLAIN } from './sgr'

const plain = { q: '', regex: false, case: false, word: false }
const pieces = (text: string, query: Partial<typeof plain>, matched: string | null = null): string[] =>
  hitRanges({ ...plain, ...query }, text, matched).map(({ from, to }) => text.slice(from, to))

describe('当たった範囲', () => {
  it('大文字と小文字、単語の区切りを選べる。記号はそのままの文字', () => {
    expect(pieces('Error error ERRORS', { q: 'error' })).toEqual(['Error', 'error', 'ERROR'])
    expect(pieces('Error error', { q: 'error', case: true })).toEqual(['error'])
    expect(pieces('Error errors', { q: 'error', word: true })).toEqual(['Error'])
    expect(pieces('a.b axb (a+)+$', { q: '(a+)+$' })).toEqual(['(a+)+$'])
    expect(pieces('日本語の語', { q: '語' })).toEqual(['語', '語'])
  })

  it('正規表現は動かさず、サーバが言った文字を探す', () => {
    expect(pieces('code=12 code=7', { q: 'code=\\d+', regex: true }, 'code=12')).toEqual(['code=12'])
    expect(pieces('aaaaaaaa!', { q: '(a+)+$', regex: true })).toEqual([])
  })

  it('当たった文字は、バイトの桁から、飾りを除いて取り出す', () => {
    expect(matchedText({ text: '日本\x1b[31m語\x1b[0m', text_start: 0, start: 3, end: 14 })).toBe('本語')
    expect(matchedText({ text: 'def', text_start: 1003, start: 1004, end: 1006 })).toBe('ef')
  })
})

describe('色付け', () => {
  const span = (text: string): RowSpan => ({ text, style: {}, href: null, hit: false })

  it('飾りの境をまたいでも、文字は変わらない', () => {
    const found = highlighted([span('ab'), span('cd'), span('ef')], [{ from: 1, to: 3 }, { from: 5, to: 6 }])
    expect(found.map(({ text, hit }) => [text, hit])).toEqual([['a', false], ['b', true], ['c', true], ['d', false], ['e', false], ['f', true]])
  })

  it('同じ行には同じものを返し、当たらない行はそのまま返す', () => {
    const highlighter = new Highlighter({ ...plain, q: 'x' })
    const views = new RowViews()
    const hit = views.get(0, { text: 'a x b', start: PLAIN, cut: false }, false)
    const miss = views.get(1, { text: 'a b', start: PLAIN, cut: false }, false)
    expect(highlighter.paint(hit, null)).toBe(highlighter.paint(hit, null))
    expect(highlighter.paint(miss, null)).toBe(miss)
  })
})
