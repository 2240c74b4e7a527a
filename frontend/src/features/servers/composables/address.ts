import type { ServerRead } from '@/api'

/** ssh に書くのと同じ形。IPv6 はポートと紛れないように括る。 */
export function addressOf(server: Pick<ServerRead, 'username' | 'host' | 'port'>): string {
  const host = server.host.includes(':') ? `[${server.host}]` : server.host
  return `${server.username}@${host}:${server.port}`
}
