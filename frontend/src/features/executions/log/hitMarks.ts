import type { HitList, Waypoint } from './hitList'

/** 道しるべのあいだに、多くてもこれだけ。数 MiB ごとに一つあるので、これより細かくは見えない。 */
const MOST_BETWEEN = 32

/** 巻物の横に出す行。手元にある当たりは本当の行、ない当たりは道しるべのあいだに散らす。 */
export function markLines(hits: HitList, waypoints: readonly Waypoint[], end: Waypoint): number[] {
  const lines = hits.lines()
  let from: Waypoint | undefined
  for (const to of [...waypoints, end]) {
    if (from) spread(lines, hits, from, to)
    from = to
  }
  return lines
}

function spread(lines: number[], hits: HitList, from: Waypoint, to: Waypoint): void {
  const held = from.matches >= hits.offset && to.matches <= hits.end
  const found = held ? 0 : Math.min(to.matches - from.matches, MOST_BETWEEN)
  for (let at = 0; at < found; at += 1) lines.push(from.line + Math.floor(((to.line - from.line) * at) / found))
}
