import type { TokenPresets } from '@/api'

export const PRESETS = ['read_only', 'run', 'all'] as const
export type Preset = (typeof PRESETS)[number] | 'custom'

const same = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((scope) => other.includes(scope))

/** その権限の組が、三つのどれにあたるか。どれでもなければ `custom`。 */
export function presetOf(scopes: readonly string[], presets: TokenPresets): Preset {
  return PRESETS.find((name) => same(scopes, presets[name])) ?? 'custom'
}
