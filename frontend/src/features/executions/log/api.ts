import type {
  LineTimeRead, LogAnnotationRead, LogOutlineRead, LogSectionRead, MergedLogRead, MergedRowRead, SearchEnded, SearchMatch, SearchPast, SearchProgressed, SearchTarget,
} from '@/api'
import { fetchBytes, unwrap } from '@/api/client'
import { createDownloadTicket, getMergedLog, getTargetLogMarks, getTargetLogTimes } from '@/api/generated'

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
  /** 大きさの上限で残っていない行(1 から、両端を含む)。 */
  gap: { first: number; last: number } | null
}

export type LogMarks = LogOutlineRead
export type LogSection = LogSectionRead
export type AnnotationLevel = LogAnnotationRead['level']
/** この行から次の印の前までが、この時刻(Unix 時刻、ミリ秒)に届いた。 */
export type TimeMark = LineTimeRead
export type MatchMessage = SearchMatch
export type TargetMessage = SearchTarget
export type MergedRow = MergedRowRead
export type MergedPage = MergedLogRead
/** 見つかるそばから届く NDJSON の一行。位置と桁はどちらもバイト。 */
export type SearchMessage = SearchMatch | SearchProgressed | SearchPast | SearchTarget | SearchEnded

export interface SearchQuery {
  q: string
  regex: boolean
  case: boolean
  word: boolean
}

/** 一度に頼める行の数。 */
export const MAX_LINES = 2000

function parseGap(header: string | null): LineSlice['gap'] {
  const [first = 0, last = 0] = (header ?? '').split('-').map(Number)
  return first > 0 && last >= first ? { first, last } : null
}

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
    gap: parseGap(response.headers.get('X-Log-Gap')),
  }
}

export function fetchMarks(targetId: number, signal: AbortSignal): Promise<LogMarks> {
  return unwrap(getTargetLogMarks({ path: { target_id: targetId }, signal }))
}

export async function fetchTimes(targetId: number, from: number, count: number, signal: AbortSignal): Promise<TimeMark[]> {
  return (await unwrap(getTargetLogTimes({ path: { target_id: targetId }, query: { from, count }, signal }))).marks
}

/** 一つのログの、どこから、いくつ。`count` が偽なら、その数でやめる。 */
export interface SearchPart {
  fromByte: number
  limit: number
  count: boolean
}

/** いくつものログ。一つの実行の全部のサーバか、一つのジョブの期間。 */
export type BroadScope = { kind: 'execution'; id: number } | { kind: 'job'; id: number; since: string | null; until: string | null }

/** 探す相手。 */
export type SearchScope = { kind: 'target'; id: number; part: SearchPart } | (BroadScope & { limit: number })

const SCOPE_PATHS = { target: 'targets', execution: 'executions', job: 'jobs' } as const

/** 見つかるそばから届く NDJSON。 */
export async function openSearch(scope: SearchScope, query: SearchQuery, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const parameters = new URLSearchParams({ q: query.q, regex: String(query.regex), case: String(query.case), word: String(query.word) })
  if (scope.kind === 'target') {
    parameters.set('from_byte', String(scope.part.fromByte))
    parameters.set('limit', String(scope.part.limit))
    parameters.set('count', String(scope.part.count))
  } else parameters.set('limit', String(scope.limit))
  if (scope.kind === 'job' && scope.since !== null) parameters.set('since', scope.since)
  if (scope.kind === 'job' && scope.until !== null) parameters.set('until', scope.until)
  const response = await fetchBytes(`/api/v1/${SCOPE_PATHS[scope.kind]}/${scope.id}/log/search?${parameters}`, { signal })
  return response.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })
}

export interface MergedRequest {
  cursor: string | null
  direction: 'forward' | 'backward'
  count: number
}

export function fetchMerged(executionId: number, request: MergedRequest, signal: AbortSignal): Promise<MergedPage> {
  return unwrap(getMergedLog({ path: { execution_id: executionId }, query: request, signal }))
}

/** 一度だけ使える、落とすための場所。1 GB でも、ブラウザの記憶に載せずに済む。 */
export async function downloadUrl(targetId: number): Promise<string> {
  return (await unwrap(createDownloadTicket({ path: { target_id: targetId } }))).url
}
