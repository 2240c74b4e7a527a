import type { SshOptionsRead } from '@/api'

/** 業務層(servers/entities.py)の SshOptions と同じ既定。 */
export const DEFAULT_OPTIONS: Readonly<SshOptionsRead> = {
  compression: false,
  legacy_algorithms: false,
  connect_timeout_s: 10,
  keepalive_s: 7,
}

/** 業務層(servers/drafts.py)と同じ上限。 */
export const LIMITS = { connectTimeout: 120, keepalive: 60, maxParallel: 10_000 } as const

interface Phrase {
  key: string
  seconds?: number
}

/** 既定と違う設定だけを、見せる順に並べる。`key` は `servers.option.<key>` の訳。 */
export function changedOptions(options: SshOptionsRead): Phrase[] {
  const phrases: Phrase[] = []
  if (options.compression) phrases.push({ key: 'compression' })
  if (options.legacy_algorithms) phrases.push({ key: 'legacyAlgorithms' })
  if (options.connect_timeout_s !== DEFAULT_OPTIONS.connect_timeout_s) {
    phrases.push({ key: 'connectTimeout', seconds: options.connect_timeout_s })
  }
  if (options.keepalive_s !== DEFAULT_OPTIONS.keepalive_s) phrases.push({ key: 'keepalive', seconds: options.keepalive_s })
  return phrases
}
