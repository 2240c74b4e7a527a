import { freshToken, onTokenChange, renewToken } from '@/api/token'
import { StreamSocket } from '@/shared/lib/socket'

/** 一つのタブに一つの WebSocket。 */
export function createStream(): StreamSocket {
  const url = new URL('/api/v1/stream', location.href)
  url.protocol = url.protocol.replace('http', 'ws')
  const stream = new StreamSocket({ url: url.href, token: freshToken, renew: renewToken })
  onTokenChange((token) => {
    if (token === null) stream.close()
    else stream.authenticate(token)
  })
  // つながり直しを待っている間に戻った人を、次の番まで待たせない
  window.addEventListener('online', () => stream.retryNow())
  return stream
}
