import { fetchBytes, unwrap } from '@/api/client'
import { createDownloadTicket } from '@/api/generated'

/** 行のまとまり。行の番号は 1 から、位置はバイト。 */
export interface LineSlice {
  bytes: Uint8Array
  firstLine: number
  lineCount: number
  firstByte: number
  /** 読んだときの全体の長さ。最後の途中の行も一行。 */
  totalBytes: number
  totalLines: number
  /** 長すぎる行が切ってある。 */
  truncated: boolean
}

/** 一度に頼める行の数。 */
export const MAX_LINES = 2000

export async function fetchLines(targetId: number, from: number, count: number, signal: AbortSignal): Promise<LineSlice> {
  const query = new URLSearchParams({ from: String(from), count: String(count) })
  const response = await fetchBytes(`/api/v1/targets/${targetId}/log/lines?${query}`, { signal })
  const header = (name: string): number => Number(response.headers.get(`X-Log-${name}`) ?? 0)
  return {
    bytes: new Uint8Array(await response.arrayBuffer()),
    firstLine: header('First-Line'),
    lineCount: header('Line-Count'),
    firstByte: header('First-Byte'),
    totalBytes: header('Bytes'),
    totalLines: header('Lines'),
    truncated: header('Truncated-Lines') > 0,
  }
}

/** 一度だけ使える、落とすための場所。1 GB でも、ブラウザの記憶に載せずに済む。 */
export async function downloadUrl(targetId: number): Promise<string> {
  return (await unwrap(createDownloadTicket({ path: { target_id: targetId } }))).url
}
