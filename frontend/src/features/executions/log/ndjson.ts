/** 一行に一つの JSON を、届いた順に。行が枠の境で切れてもよい。 */
export async function* readNdjson<T>(stream: ReadableStream<Uint8Array>): AsyncGenerator<T, void, undefined> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true })
      const lines = rest.split('\n')
      rest = done ? '' : (lines.pop() ?? '')
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T
      if (done) return
    }
  } finally {
    // 途中でやめたとき、サーバに探し続けさせない
    void reader.cancel().catch(() => {})
  }
}
