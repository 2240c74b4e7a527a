import { readonly, ref, type Ref } from 'vue'

import type { StreamProblem } from '@/api'

import { backoffMs } from './backoff'
import {
  applyDelta,
  parseLogFrame,
  type Change,
  type ClientMessage,
  type Execution,
  type ExecutionRow,
  type LogHandlers,
  type LogRequest,
  type ServerMessage,
} from './streamMessages'

export type StreamState = 'idle' | 'connecting' | 'ready' | 'reconnecting'

export interface StreamOptions {
  url: string
  /** 今の通行証。ログインしていなければ `null`。 */
  token: () => Promise<string | null>
  /** 断られた通行証の代わり。 */
  renew: () => Promise<string | null>
  random?: () => number
}

interface Subscription {
  /** 購読を始める文。つなぎ直すたびに、持っている位置から作り直す。 */
  request: (id: number) => ClientMessage
  onMessage: (message: ServerMessage) => void
  onBytes?: (offset: number, bytes: Uint8Array) => void
  onProblem?: (problem: StreamProblem) => void
}

const BAD_TOKEN = 4401
const PING_MS = 25_000
const SILENCE_MS = 60_000

/** 一つのタブに一つの WebSocket。購読を何本でも載せ、切れたら、持っている位置から続ける。 */
export class StreamSocket {
  readonly #options: StreamOptions
  readonly #subscriptions = new Map<number, Subscription>()
  readonly #state = ref<StreamState>('idle')
  #socket: WebSocket | null = null
  #lastId = 0
  #attempt = 0
  #heardAt = 0
  #badToken = false
  #opening = false
  #retry: ReturnType<typeof setTimeout> | undefined
  #ping: ReturnType<typeof setInterval> | undefined

  constructor(options: StreamOptions) {
    this.#options = options
  }

  get state(): Readonly<Ref<StreamState>> {
    return readonly(this.#state)
  }

  /** 戻り値を呼ぶと、購読をやめる。 */
  subscribeLog(request: LogRequest, handlers: LogHandlers): () => void {
    let position = request.fromByte
    let ended = false
    return this.#add({
      request: (id) => ({
        type: 'subscribe',
        topic: 'log',
        id,
        target_id: request.targetId,
        from_byte: position,
        ...(request.maxBehind === undefined ? {} : { max_behind: request.maxBehind }),
      }),
      onBytes: (offset, bytes) => {
        position = offset + bytes.length
        handlers.onData(offset, bytes)
      },
      onMessage: (message) => {
        if (message.type === 'log_position') {
          position = message.log_bytes
          handlers.onSkip(message)
        } else if (message.type === 'log_end' && !ended) {
          // つなぎ直すと終わりがもう一度届く。知らせるのは一度だけ
          ended = true
          handlers.onEnd(message)
        }
      },
      ...(handlers.onProblem ? { onProblem: handlers.onProblem } : {}),
    })
  }

  /** 届くのは初めの全部と、その後の変わり。`onChange` には、いつも今の全部を渡す。 */
  subscribeExecution(executionId: number, onChange: (execution: Execution) => void): () => void {
    let held: Execution | undefined
    return this.#add({
      request: (id) => ({ type: 'subscribe', topic: 'execution', id, execution_id: executionId }),
      onMessage: (message) => {
        if (message.type === 'execution') held = message.execution
        else if (message.type === 'execution_delta' && held) held = applyDelta(held, message)
        else return
        onChange(held)
      },
    })
  }

  /** `onResync` は、つなぎ直して間の知らせを逃したかもしれないとき。一覧を読み直す合図。 */
  subscribeExecutions(onChange: (rows: ExecutionRow[]) => void, onResync?: () => void): () => void {
    return this.#add({
      request: (id) => ({ type: 'subscribe', topic: 'executions', id }),
      onMessage: resyncing((message) => {
        if (message.type === 'executions') onChange(message.items)
      }, onResync),
    })
  }

  subscribeChanges(onChange: (change: Change) => void, onResync?: () => void): () => void {
    return this.#add({
      request: (id) => ({ type: 'subscribe', topic: 'changes', id }),
      onMessage: resyncing((message) => {
        if (message.type === 'changed') onChange(message)
      }, onResync),
    })
  }

  /** 通行証が新しくなった。開いたまま見せ直す。 */
  authenticate(token: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: 'authenticate', token })
    else this.retryNow()
  }

  /** 待たずに、今つなぐ。 */
  retryNow(): void {
    if (this.#socket !== null || this.#subscriptions.size === 0) return
    clearTimeout(this.#retry)
    void this.#open()
  }

  /** ログアウト。購読は残すので、入り直せば続く。 */
  close(): void {
    clearTimeout(this.#retry)
    this.#drop()
    this.#state.value = 'idle'
  }

  #add(subscription: Subscription): () => void {
    const id = (this.#lastId += 1)
    this.#subscriptions.set(id, subscription)
    if (this.#state.value === 'ready') this.#send(subscription.request(id))
    else if (this.#state.value === 'idle') void this.#open()
    return () => {
      if (!this.#subscriptions.delete(id)) return
      if (this.#state.value === 'ready') this.#send({ type: 'unsubscribe', id })
    }
  }

  async #open(): Promise<void> {
    if (this.#opening || this.#socket !== null) return
    this.#opening = true
    if (this.#state.value === 'idle') this.#state.value = 'connecting'
    try {
      const token = await (this.#badToken ? this.#options.renew() : this.#options.token())
      if (token === null) this.#state.value = 'idle'
      // 通行証を待つ間に閉じられていたら、開かない
      else if (this.#isWanted()) this.#connect(token)
    } catch {
      this.#scheduleRetry()
    } finally {
      this.#opening = false
    }
  }

  #isWanted(): boolean {
    return this.#state.value !== 'idle'
  }

  #connect(token: string): void {
    const socket = new WebSocket(this.#options.url)
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    this.#heardAt = Date.now()
    socket.onopen = () => this.#send({ type: 'authenticate', token })
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (this.#socket === socket) this.#receive(event.data)
    }
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lost(event.code)
    }
    this.#ping = setInterval(() => this.#keepAlive(), PING_MS)
  }

  #receive(data: unknown): void {
    this.#heardAt = Date.now()
    if (data instanceof ArrayBuffer) {
      const frame = parseLogFrame(data)
      if (frame) this.#subscriptions.get(frame.id)?.onBytes?.(frame.offset, frame.bytes)
      return
    }
    const message = JSON.parse(String(data)) as ServerMessage
    if (message.type === 'ready') this.#ready()
    else if (message.type === 'error') this.#refused(message)
    else if ('id' in message) this.#subscriptions.get(message.id)?.onMessage(message)
  }

  #ready(): void {
    // 通行証を見せ直したときにも届く。購読は、つないだ最初だけ
    if (this.#state.value === 'ready') return
    this.#state.value = 'ready'
    this.#attempt = 0
    this.#badToken = false
    for (const [id, subscription] of this.#subscriptions) this.#send(subscription.request(id))
  }

  #refused(problem: StreamProblem): void {
    if (problem.id !== null) this.#subscriptions.get(problem.id)?.onProblem?.(problem)
  }

  #lost(code: number): void {
    // 取り直した通行証まで断られたら、間を空ける
    const renewable = code === BAD_TOKEN && !this.#badToken
    this.#drop()
    this.#badToken = code === BAD_TOKEN
    if (this.#subscriptions.size === 0) {
      this.#state.value = 'idle'
      return
    }
    this.#state.value = 'reconnecting'
    if (renewable) void this.#open()
    else this.#scheduleRetry()
  }

  #scheduleRetry(): void {
    if (!this.#isWanted()) return
    this.#state.value = 'reconnecting'
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#open(), backoffMs(this.#attempt, this.#options.random))
    this.#attempt += 1
  }

  // 相手が黙って消えても、TCP は何分も気づかない
  #keepAlive(): void {
    if (Date.now() - this.#heardAt > SILENCE_MS) this.#lost(0)
    else this.#send({ type: 'ping' })
  }

  #drop(): void {
    clearInterval(this.#ping)
    const socket = this.#socket
    this.#socket = null
    socket?.close()
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }
}

/** 二度目からの `subscribed` は、つなぎ直した後。その間の知らせは届いていない。 */
function resyncing(onMessage: (message: ServerMessage) => void, onResync?: () => void) {
  let before = false
  return (message: ServerMessage): void => {
    if (message.type !== 'subscribed') {
      onMessage(message)
      return
    }
    if (before) onResync?.()
    before = true
  }
}
