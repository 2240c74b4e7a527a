import { describe, expect, it } from 'vitest'
import { formatFact } from './facts'

describe('接続試験の事実', () => {
  it('名前が _bytes で終わるときだけ大きさとして読む', () => {
    expect(formatFact('free_bytes', 53_000_000_000, 'en')).toBe('53 GB')
    expect(formatFact('port', 2048, 'en')).toBe('2048')
    expect(formatFact('shell', '/bin/sh', 'en')).toBe('/bin/sh')
  })
})
