/** 巻物の横の印の、上端の画素。重なるものは一つにするので、何万あっても描くのは高さの分だけ。 */
export function markPixels(rows: Iterable<number>, rowCount: number, height: number): number[] {
  if (rowCount <= 0 || height <= 0) return []
  const pixels = new Set<number>()
  for (const row of rows) {
    if (row < rowCount) pixels.add(Math.floor((row / rowCount) * height))
    if (pixels.size >= height) break
  }
  return [...pixels]
}

/** `rows` のうち、押したところに一番近いもの。`rows` は並んでいなくてよい。 */
export function nearestRow(rows: Iterable<number>, wanted: number): number | null {
  let best: number | null = null
  for (const row of rows) {
    if (best === null || Math.abs(row - wanted) < Math.abs(best - wanted)) best = row
  }
  return best
}
