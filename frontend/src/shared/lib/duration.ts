export interface DurationParts {
  days: number
  hours: number
  minutes: number
  seconds: number
}

/** 経った時間を、日・時・分・秒に割る。時計のずれで負になったら 0 とみなす。 */
export function durationParts(ms: number): DurationParts {
  const total = Math.max(0, Math.floor(ms / 1000))
  return {
    days: Math.floor(total / 86_400),
    hours: Math.floor(total / 3600) % 24,
    minutes: Math.floor(total / 60) % 60,
    seconds: total % 60,
  }
}

/** 上から二つの位だけを書く(「2 時間 5 分」)。三つ目は、読む人の判断を変えない。 */
export function formatDuration(ms: number, locale: string): string {
  const parts = Object.entries(durationParts(ms)) as [keyof DurationParts, number][]
  const first = parts.findIndex(([, value]) => value > 0)
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([, value], i) => i === 0 || value > 0)
  const write = ([unit, value]: [keyof DurationParts, number]): string =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: unit.slice(0, -1), unitDisplay: 'short' }).format(value)
  return shown.map(write).join(' ')
}
