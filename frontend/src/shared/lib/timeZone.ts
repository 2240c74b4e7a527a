import { readonly, shallowRef } from 'vue'

const chosen = shallowRef<string | undefined>()
let clock: { zone: string | undefined; format: Intl.DateTimeFormat } | null = null

/** 時刻を見せる時間帯(IANA の名前)。`undefined` なら端末の時間帯。描き直しも、これに付いてくる。 */
export const timeZone = readonly(chosen)

/** ブラウザの知らない名前なら、端末の時間帯に戻す。 */
export function showTimeZone(zone: string | null): void {
  chosen.value = zone !== null && isKnown(zone) ? zone : undefined
}

export function deviceTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

function isKnown(zone: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: zone }) !== null
  } catch {
    return false
  }
}

export interface WallTime {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

/** その瞬間に、見せる時間帯の壁の時計が指すもの。 */
export function wallTime(ms: number): WallTime {
  const wall: WallTime = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 }
  for (const { type, value } of clockFormat().formatToParts(ms)) {
    if (type in wall) wall[type as keyof WallTime] = Number(value)
  }
  return wall
}

/** 壁の時計がそれを指す瞬間。夏時間で二度あるときは、どちらか一方。 */
export function instantOf(wall: WallTime): number {
  const asUtc = toUtc(wall)
  // 時差はその瞬間に決まる。一度引いて、引いた先の時差でもう一度確かめる
  const guess = asUtc - offsetAt(asUtc)
  return asUtc - offsetAt(guess)
}

const toUtc = (wall: WallTime): number =>
  Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second)

const offsetAt = (ms: number): number => toUtc(wallTime(ms)) - Math.floor(ms / 1000) * 1000

// 作るのに手間がかかり、ログの一行ごとに使うので、時間帯が替わるまで使い回す
function clockFormat(): Intl.DateTimeFormat {
  if (clock === null || clock.zone !== chosen.value) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: chosen.value,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    clock = { zone: chosen.value, format }
  }
  return clock.format
}
