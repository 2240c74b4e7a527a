import type { TargetRead, TargetState } from '@/api'

import { STATE_ORDER } from './targetOrder'

export interface StateCount {
  state: TargetState
  count: number
}

/** 状態ごとの数。人が先に見たい順。`keep` は、もう無くなっても 0 として残す(選んだまま消えないように)。 */
export function countStates(targets: readonly TargetRead[], keep: TargetState | null): StateCount[] {
  const counts = new Map<TargetState, number>()
  for (const target of targets) counts.set(target.state, (counts.get(target.state) ?? 0) + 1)
  if (keep !== null && !counts.has(keep)) counts.set(keep, 0)
  return STATE_ORDER.filter((state) => counts.has(state)).map((state) => ({ state, count: counts.get(state) ?? 0 }))
}

/** 状態と名前で絞る。並びは変えない。 */
export function filterTargets(targets: readonly TargetRead[], state: TargetState | null, query: string): TargetRead[] {
  const wanted = query.trim().toLowerCase()
  return targets.filter(
    (target) => (state === null || target.state === state) && target.server_name.toLowerCase().includes(wanted),
  )
}
