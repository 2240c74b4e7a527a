import type { OutputGroupRead, TargetRead } from '@/api'

/** まとめの一つと、その対象。 */
export interface OutputGroup extends OutputGroupRead {
  targets: TargetRead[]
}

export interface OutputSummary {
  /** いちばん多い出力の対象の数。 */
  same: number
  differ: number
  total: number
  /** 二台以上が同じ出力を持つ組がない。 */
  allDiffer: boolean
}

const byName = new Intl.Collator(undefined, { numeric: true })

/** 番号を対象にし、名前の順(web-2 は web-10 より前)に並べる。 */
export function withTargets(groups: readonly OutputGroupRead[], targets: readonly TargetRead[]): OutputGroup[] {
  const known = new Map(targets.map((target) => [target.id, target]))
  return groups.map((group) => ({
    ...group,
    targets: group.target_ids
      .flatMap((id) => known.get(id) ?? [])
      .sort((a, b) => byName.compare(a.server_name, b.server_name)),
  }))
}

export function summarize(groups: readonly OutputGroupRead[]): OutputSummary {
  const total = groups.reduce((sum, group) => sum + group.target_ids.length, 0)
  const same = groups[0]?.target_ids.length ?? 0
  return { same, differ: total - same, total, allDiffer: total > 1 && same === 1 }
}
