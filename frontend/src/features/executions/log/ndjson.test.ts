import { describe, expect, it } from 'vitest'

import { readNdjson } from './ndjson'

function stream(text: string, size: number, onCancel: () => void = () => {}): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text)
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += size)))
    },
    cancel: onCancel,
  })
}

async function all(body: ReadableStream<Uint8Array>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const message of readNdjson(body)) found.push(message)
  return found
}

describe('NDJSON', () => {
  it.each([1, 3, 7, 1000])('%i バイトずつ届いても、文字の途中で切れても、同じものが読める', async (size) => {
    const found = await all(stream('{"a":"日本語"}\n\n{"a":"😀"}\n{"a":"最後"}', size))
    expect(found).toEqual([{ a: '日本語' }, { a: '😀' }, { a: '最後' }])
  })

  it('空なら、何も出さない', async () => {
    expect(await all(stream('', 1))).toEqual([])
  })

  it('途中で読むのをやめたら、流れも止める', async () => {
    let cancelled = false
    for await (const message of readNdjson<{ n: number }>(stream('{"n":1}\n{"n":2}\n', 8, () => (cancelled = true)))) {
      expect(message.n).toBe(1)
      break
    }
    expect(cancelled).toBe(true)
  })
})
