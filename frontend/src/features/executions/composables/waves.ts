import type { TargetRead, TargetState } from '@/api'
import { isFinished } from '@/shared/lib/states'

export interface Wave {
  /** 1 から。 */
  number: number
  total: number
  done: number
  failed: number
  /** 今進んでいる波。全部終わっていれば、どれでもない。 */
  current: boolean
  /** まだ一台も始まっていない。 */
  closed: boolean
}

const BAD: ReadonlySet<TargetState> = new Set(['failed', 'timed_out', 'lost'])

/** 対象から、波ごとの進み具合。波が一つなら、波として見せるものはない(空)。 */
export function wavesOf(targets: readonly TargetRead[]): Wave[] {
  const byWave = new Map<number, TargetRead[]>()
  for (const target of targets) byWave.set(target.wave, [...(byWave.get(target.wave) ?? []), target])
  if (byWave.size < 2) return []
  const numbers = [...byWave.keys()].sort((a, b) => a - b)
  const current = numbers.find((number) => byWave.get(number)?.some((target) => !isFinished(target.state)))
  return numbers.map((number, index) => {
    const inside = byWave.get(number) ?? []
    return {
      number: index + 1,
      total: inside.length,
      done: inside.filter((target) => isFinished(target.state)).length,
      failed: inside.filter((target) => BAD.has(target.state)).length,
      current: number === current,
      closed: inside.every((target) => target.state === 'queued'),
    }
  })
}

/** やり直せる(成功しなかった)対象があるか。 */
export function hasFailures(targets: readonly TargetRead[]): boolean {
  return targets.some((target) => isFinished(target.state) && target.state !== 'succeeded')
}
