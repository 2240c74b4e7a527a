// 保存先が使えない(閉じた設定のブラウザ)ときは、覚えないだけで動く
export function readPreference<T extends string>(key: string, allowed: readonly T[]): T | null {
  try {
    const value = localStorage.getItem(`tsubame.${key}`)
    return allowed.find((candidate) => candidate === value) ?? null
  } catch {
    return null
  }
}

/** 覚えてある数。無ければ `null`。 */
export function readNumber(key: string): number | null {
  try {
    const value = Number(localStorage.getItem(`tsubame.${key}`))
    return Number.isInteger(value) && value > 0 ? value : null
  } catch {
    return null
  }
}

export function writePreference(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`tsubame.${key}`)
    else localStorage.setItem(`tsubame.${key}`, value)
  } catch {
    // 覚えられなくても、今の画面には効いている
  }
}
