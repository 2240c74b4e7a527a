import { diffLines } from 'diff'

/** 一つの項目の、前と後。 */
export type Change =
  | { name: string; kind: 'secret' }
  | { name: string; kind: 'values'; from: string | null; to: string | null }
  | { name: string; kind: 'text'; lines: ChangedLine[] }

export interface ChangedLine {
  sign: '+' | '-' | ' '
  text: string
}

export interface Detail {
  name: string
  value: string
}

/** 変わらない行は、変わった行の前後これだけを見せる。 */
const CONTEXT = 2
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** 空(null)は `null`、文字はそのまま、ほかは JSON。 */
export function shown(value: unknown): string | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** 監査記録の `details.changes` を、見せる形に。 */
export function changesOf(details: Record<string, unknown>): Change[] {
  const changes = details['changes']
  return isRecord(changes) ? Object.entries(changes).map(([name, change]) => changeOf(name, change)) : []
}

/** `changes` のほかの項目。 */
export function othersOf(details: Record<string, unknown>): Detail[] {
  return Object.entries(details)
    .filter(([name]) => name !== 'changes')
    .map(([name, value]) => ({ name, value: shown(value) ?? '–' }))
}

function changeOf(name: string, change: unknown): Change {
  if (!isRecord(change)) return { name, kind: 'secret' }
  const { from, to } = change
  if ([from, to].some((side) => typeof side === 'string' && side.trimEnd().includes('\n'))) {
    return { name, kind: 'text', lines: changedLines(shown(from) ?? '', shown(to) ?? '') }
  }
  return { name, kind: 'values', from: shown(from), to: shown(to) }
}

function changedLines(from: string, to: string): ChangedLine[] {
  const parts = diffLines(from, to)
  return parts.flatMap((part, index): ChangedLine[] => {
    const lines = part.value.replace(/\n$/, '').split('\n')
    if (part.added || part.removed) return lines.map((text) => ({ sign: part.added ? '+' : '-', text }))
    const head = index === 0 ? 0 : CONTEXT
    const tail = index === parts.length - 1 ? 0 : CONTEXT
    const kept = lines.length <= head + tail ? lines : [...lines.slice(0, head), '…', ...(tail > 0 ? lines.slice(-tail) : [])]
    return kept.map((text) => ({ sign: ' ', text }))
  })
}
