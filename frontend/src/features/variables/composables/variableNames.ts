/** 誤りの名前。訳は `variables.rule.<名前>`。 */
export type NameProblem = 'nameRequired' | 'name' | 'reserved'

// POSIX.1-2024 XBD 8.1: 英数字と _ だけ、数字で始めない
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

export function nameProblem(name: string): NameProblem | null {
  if (name === '') return 'nameRequired'
  if (!NAME.test(name)) return 'name'
  return name.startsWith('TSUBAME_') ? 'reserved' : null
}

/** これより短い秘密は、ログで伏せられない。業務の層の `variables/masks.py` と同じ数。 */
const MASKABLE = 4

/** 打っている秘密が短すぎて伏せられないか。空なら、まだ何も言わない。 */
export function isTooShortToMask(value: string): boolean {
  const length = [...value.trim()].length
  return value !== '' && length < MASKABLE
}
