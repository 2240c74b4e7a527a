import { formatBytes } from '@/shared/lib/bytes'

/** 接続試験の事実を読める形に。`_bytes` で終わる名前は大きさ。 */
export function formatFact(name: string, value: string | number, locale: string): string {
  return typeof value === 'number' && name.endsWith('_bytes') ? formatBytes(value, locale) : String(value)
}
