import type { TargetRead, TargetState } from '@/api'

/** 人が先に見たい順。失敗、次に動いているもの、最後に済んだもの。 */
export const STATE_ORDER: readonly TargetState[] = [
  'failed',
  'lost',
  'timed_out',
  'disconnected',
  'running',
  'starting',
  'queued',
  'cancelled',
  'succeeded',
  'skipped',
]

const byName = new Intl.Collator(undefined, { numeric: true })

/** 失敗を先に、同じ状態なら名前の順(web-2 は web-10 より前)。 */
export function orderTargets(targets: readonly TargetRead[]): TargetRead[] {
  return [...targets].sort(
    (a, b) =>
      STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) ||
      byName.compare(a.server_name, b.server_name) ||
      a.id - b.id,
  )
}

/** `?target=ID` の対象(前の試みの番号でもよい)。なければ先頭(失敗があればそれ)。 */
export function pickTarget(ordered: readonly TargetRead[], wanted: unknown): TargetRead | undefined {
  const id = Number(wanted)
  const isWanted = (target: TargetRead): boolean =>
    target.id === id || target.earlier_attempts.some((attempt) => attempt.target_id === id)
  return ordered.find(isWanted) ?? ordered[0]
}
