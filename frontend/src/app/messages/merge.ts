export interface Messages {
  [key: string]: string | Messages
}

function mergeInto(target: Messages, source: Messages): void {
  for (const [key, value] of Object.entries(source)) {
    const held = target[key]
    if (typeof value === 'object' && typeof held === 'object') mergeInto(held, value)
    else target[key] = typeof value === 'object' ? structuredClone(value) : value
  }
}

/** 部屋ごとの文を一つにする。`reasons` のように、二つの部屋が同じ根に足すこともある。 */
export function mergeMessages(parts: Messages[]): Messages {
  const merged: Messages = {}
  for (const part of parts) mergeInto(merged, part)
  return merged
}
