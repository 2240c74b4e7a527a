// @vitest-environment node
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketServer, type WebSocket as Peer } from 'ws'

import { StreamSocket } from './socket'
import type { Execution } from './streamMessages'

type Message = Record<string, unknown>

/** 本物の WebSocket サーバ。届いた文を、来た順に待てる。 */
class Host {
  readonly server: Server = createServer()
  readonly sockets: Peer[] = []
  readonly #received: Message[] = []
  #wake: () => void = () => {}

  async start(): Promise<string> {
    new WebSocketServer({ server: this.server }).on('connection', (peer) => {
      this.sockets.push(peer)
      peer.on('message', (data) => {
        this.#received.push(JSON.parse(String(data)) as Message)
        this.#wake()
      })
    })
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/`
  }

  get peer(): Peer {
    const peer = this.sockets.at(-1)
    if (!peer) throw new Error('no connection')
    return peer
  }

  async next(): Promise<Message> {
    for (;;) {
      const message = this.#received.shift()
      if (message) return message
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  say(message: Message): void {
    this.peer.send(JSON.stringify(message))
  }

  log(id: number, offset: number, text: string): void {
    const head = Buffer.alloc(12)
    head.writeUInt32BE(id)
    head.writeBigUInt64BE(BigInt(offset), 4)
    this.peer.send(Buffer.concat([head, Buffer.from(text)]))
  }

  /** 通行証を見せられて、認める。 */
  async admit(): Promise<Message> {
    const first = await this.next()
    this.say({ type: 'ready' })
    return first
  }
}

const host = { current: new Host() }
let url = ''
let stream: StreamSocket
const renew = vi.fn(async () => 'renewed')

beforeEach(async () => {
  host.current = new Host()
  url = await host.current.start()
  renew.mockClear()
  stream = new StreamSocket({ url, token: async () => 'token', renew, random: () => 0 })
})
afterEach(() => {
  stream.close()
  for (const peer of host.current.sockets) peer.terminate()
  host.current.server.close()
})

interface Follow {
  text: string
  skips: number[]
  ends: number[]
  stop: () => void
}

function follow(targetId: number, fromByte = 0): Follow {
  const seen: Follow = { text: '', skips: [], ends: [], stop: () => {} }
  seen.stop = stream.subscribeLog(
    { targetId, fromByte, maxBehind: 262_144 },
    {
      onData: (_offset, bytes) => (seen.text += new TextDecoder().decode(bytes)),
      onSkip: (position) => seen.skips.push(position.log_bytes),
      onEnd: (end) => seen.ends.push(end.log_bytes),
    },
  )
  return seen
}

describe('実況の接続', () => {
  it('通行証を見せ、認められてから購読する', async () => {
    follow(7, 100)
    expect(await host.current.admit()).toEqual({ type: 'authenticate', token: 'token' })
    expect(await host.current.next()).toEqual({
      type: 'subscribe', topic: 'log', id: 1, target_id: 7, from_byte: 100, max_behind: 262_144,
    })
    expect(stream.state.value).toBe('ready')
  })

  it('何本購読しても、接続は一つで、届け先を間違えない', async () => {
    const first = follow(1)
    const second = follow(2)
    await host.current.admit()
    await host.current.next()
    await host.current.next()
    host.current.log(2, 0, 'second')
    host.current.log(1, 0, 'first')
    await vi.waitFor(() => expect([first.text, second.text]).toEqual(['first', 'second']))
    expect(host.current.sockets).toHaveLength(1)
  })

  it('切れたら、持っているバイトの続きからつなぎ直す', async () => {
    const seen = follow(7, 10)
    await host.current.admit()
    await host.current.next()
    host.current.log(1, 10, 'abc')
    host.current.log(1, 13, 'あ')
    await vi.waitFor(() => expect(seen.text).toBe('abcあ'))
    host.current.peer.terminate()
    await vi.waitFor(() => expect(stream.state.value).toBe('reconnecting'))
    await host.current.admit()
    expect(await host.current.next()).toMatchObject({ topic: 'log', from_byte: 16 })
    expect(host.current.sockets).toHaveLength(2)
  })

  it('飛ばされた後に切れたら、飛んだ先の続きからつなぎ直す', async () => {
    const seen = follow(7)
    await host.current.admit()
    await host.current.next()
    host.current.say({ type: 'log_position', id: 1, log_bytes: 5000, log_lines: 50 })
    await vi.waitFor(() => expect(seen.skips).toEqual([5000]))
    host.current.peer.terminate()
    await host.current.admit()
    expect(await host.current.next()).toMatchObject({ from_byte: 5000 })
  })

  it('通行証が切れていたら、取り直してすぐつなぐ', async () => {
    follow(7)
    await host.current.next()
    host.current.peer.close(4401)
    expect(await host.current.next()).toEqual({ type: 'authenticate', token: 'renewed' })
    expect(renew).toHaveBeenCalledTimes(1)
  })

  it('新しい通行証は、開いたまま見せ直し、購読は重ねない', async () => {
    follow(7)
    await host.current.admit()
    await host.current.next()
    stream.authenticate('second')
    expect(await host.current.admit()).toEqual({ type: 'authenticate', token: 'second' })
    stream.subscribeExecution(3, () => {})
    expect(await host.current.next()).toEqual({ type: 'subscribe', topic: 'execution', id: 2, execution_id: 3 })
    expect(host.current.sockets).toHaveLength(1)
  })

  it('実行は、変わった対象だけを替え、変わらない対象は同じものを指し続け、つなぎ直すと全部からやり直す', async () => {
    const seen: Execution[] = []
    stream.subscribeExecution(3, (execution) => seen.push(execution))
    await host.current.admit()
    await host.current.next()
    const target = (id: number, position: number, state: string): Message => ({ id, position, state })
    const whole = { id: 3, state: 'running', spec: { script: 'true' }, queue: null }
    host.current.say({ type: 'execution', id: 1, execution: { ...whole, targets: [target(10, 0, 'running'), target(11, 1, 'running')] } })
    const changed = { type: 'execution_delta', id: 1, execution: { id: 3, state: 'failed' }, queue: null }
    // 同じ位置の次の試みは、番号が変わる
    host.current.say({ ...changed, targets: [target(12, 1, 'queued')] })
    host.current.say({ ...changed, targets: [] })
    await vi.waitFor(() => expect(seen).toHaveLength(3))
    expect(seen[1]).toEqual({ ...whole, state: 'failed', targets: [target(10, 0, 'running'), target(12, 1, 'queued')] })
    expect(seen[1]?.targets[0]).toBe(seen[0]?.targets[0])
    expect(seen[2]?.targets).toBe(seen[1]?.targets)
    host.current.peer.terminate()
    await host.current.admit()
    expect(await host.current.next()).toMatchObject({ topic: 'execution' })
    host.current.say({ type: 'execution', id: 1, execution: { ...whole, targets: [] } })
    await vi.waitFor(() => expect(seen.at(-1)?.targets).toEqual([]))
  })

  it('やめた購読は伝えられ、つなぎ直しても戻らない', async () => {
    const first = follow(1)
    follow(2)
    await host.current.admit()
    await host.current.next()
    await host.current.next()
    first.stop()
    expect(await host.current.next()).toEqual({ type: 'unsubscribe', id: 1 })
    host.current.peer.terminate()
    await host.current.admit()
    expect(await host.current.next()).toMatchObject({ id: 2 })
  })

  it('終わりの知らせは、つなぎ直して二度届いても一度だけ伝える', async () => {
    const seen = follow(7)
    await host.current.admit()
    await host.current.next()
    const end = { type: 'log_end', id: 1, log_bytes: 9, log_lines: 1, state: 'succeeded' }
    host.current.say(end)
    host.current.say(end)
    host.current.log(1, 9, '!')
    await vi.waitFor(() => expect(seen.text).toBe('!'))
    expect(seen.ends).toEqual([9])
  })

  it('つなぎ直した後は、逃した知らせがあるかもしれないと伝える', async () => {
    const resync = vi.fn()
    const rows = vi.fn()
    stream.subscribeExecutions(rows, resync)
    await host.current.admit()
    await host.current.next()
    host.current.say({ type: 'subscribed', id: 1 })
    host.current.say({ type: 'executions', id: 1, items: [] })
    await vi.waitFor(() => expect(rows).toHaveBeenCalledWith([]))
    expect(resync).not.toHaveBeenCalled()
    host.current.peer.terminate()
    await host.current.admit()
    await host.current.next()
    host.current.say({ type: 'subscribed', id: 1 })
    await vi.waitFor(() => expect(resync).toHaveBeenCalledTimes(1))
  })

  it('ログアウトで閉じ、つなぎ直さない', async () => {
    follow(7)
    await host.current.admit()
    await host.current.next()
    const closed = new Promise((resolve) => host.current.peer.on('close', resolve))
    stream.close()
    await closed
    expect([stream.state.value, host.current.sockets.length]).toEqual(['idle', 1])
  })
})
