const FIRST_MS = 250
const MAX_MS = 15_000

/** 次につなぎ直すまでのミリ秒。ばらつかせるのは、再起動の直後に全員が同時に来ないため。 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt, 10))
  return ceiling / 2 + (random() * ceiling) / 2
}
