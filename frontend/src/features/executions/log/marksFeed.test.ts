import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { LogMarks } from './api'
import { MarksFeed } from './marksFeed'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const settle = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const MARKS: LogMarks = { sections: [], annotations: [{ line: 1, level: 'error', message: 'x', file: null, file_line: null }], truncated: false }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('印の読み直し', () => {
  it('印らしい文字が届いたときだけ、二秒に一度まで読む', async () => {
    const fetch = vi.fn(() => Promise.resolve(MARKS))
    const seen: LogMarks[] = []
    const feed = new MarksFeed(fetch, (marks) => seen.push(marks))
    feed.refresh()
    await settle(10)
    feed.heard(bytes('plain text\n'))
    await settle(5000)
    expect([fetch.mock.calls.length, seen]).toEqual([1, [MARKS]])
    for (let i = 0; i < 100; i += 1) {
      feed.heard(bytes('::error::x\n'))
      await settle(50)
    }
    expect(fetch.mock.calls.length).toBe(1 + 3)
    await settle(5000)
    expect(fetch.mock.calls.length).toBe(1 + 4)
  })

  it('読めなくても、次の知らせでやり直す', async () => {
    const fetch = vi.fn<() => Promise<LogMarks>>().mockRejectedValueOnce(new TypeError('offline')).mockResolvedValue(MARKS)
    const seen: LogMarks[] = []
    const feed = new MarksFeed(fetch, (marks) => seen.push(marks))
    feed.refresh()
    await settle(10)
    feed.heard(null)
    await settle(5000)
    expect(seen).toEqual([MARKS])
  })
})
