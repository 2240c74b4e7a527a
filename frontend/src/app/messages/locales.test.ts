import { describe, expect, it } from 'vitest'

import type { Messages } from './merge'
import { mergeMessages } from './merge'

const files = import.meta.glob<Messages>('/src/**/locales/*.json', { eager: true, import: 'default' })
const pairs = Object.keys(files).filter((path) => path.endsWith('/ja.json'))

function flatten(messages: Messages, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(messages).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value]] : Object.entries(flatten(value, `${prefix}${key}.`)),
    ),
  )
}

const names = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()

describe.each(pairs)('%s', (path) => {
  const japanese = flatten(files[path] ?? {})
  const english = flatten(files[path.replace('/ja.json', '/en.json')] ?? {})

  it('日本語と英語で、同じ鍵がある', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(japanese).sort())
  })

  it('どちらの文も、同じ名前の値を埋める', () => {
    for (const [key, text] of Object.entries(japanese)) expect([key, names(english[key] ?? '')]).toEqual([key, names(text)])
  })

  it('空の文は無い', () => {
    expect(Object.entries({ ...japanese, ...english }).filter(([, text]) => text.trim() === '')).toEqual([])
  })
})

describe('文を一つにする', () => {
  it('二つの部屋が同じ根に足しても、どちらも残る', () => {
    expect(mergeMessages([{ reasons: { a: '1' } }, { reasons: { b: '2' } }])).toEqual({ reasons: { a: '1', b: '2' } })
  })

  it('同じ鍵を、二つの部屋が使っていない', () => {
    const keys = pairs.flatMap((path) => Object.keys(flatten(files[path] ?? {})))
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([])
  })
})
