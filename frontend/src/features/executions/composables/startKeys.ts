const BYTES = 16

/** 推測されない短い文字。`crypto.randomUUID` は HTTPS でしか使えず、社内の HTTP では無い。 */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * ジョブごとの Idempotency-Key。
 *
 * 届いたか分からない失敗(通信が切れた)のあとは同じ鍵を使い続け、押し直しても二つ始まらない。
 * サーバの答えが届いたら、次の一回のために鍵を捨てる。
 */
export class StartKeys {
  readonly #keys = new Map<number, string>()

  take(jobId: number): string {
    const key = this.#keys.get(jobId) ?? randomKey()
    this.#keys.set(jobId, key)
    return key
  }

  answered(jobId: number): void {
    this.#keys.delete(jobId)
  }
}
