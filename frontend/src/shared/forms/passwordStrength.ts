/** これより短いと断る。 */
export const MIN_PASSWORD = 10
export const GOOD_PASSWORD = 16

export interface Strength {
  /** 訳は `forms.password.strength.<名前>`。 */
  level: 'short' | 'fair' | 'good'
  /** 0〜100。 */
  percent: number
  /** あと何文字要るか。 */
  missing: number
}

/**
 * 長さだけで測る(NIST SP 800-63B: 記号の強制より長さが効く)。
 *
 * 絵文字や漢字も一文字と数える。
 */
export function passwordStrength(password: string): Strength {
  const length = [...password].length
  const level = length < MIN_PASSWORD ? 'short' : length < GOOD_PASSWORD ? 'fair' : 'good'
  return {
    level,
    percent: Math.min(100, Math.round((length / GOOD_PASSWORD) * 100)),
    missing: Math.max(0, MIN_PASSWORD - length),
  }
}
