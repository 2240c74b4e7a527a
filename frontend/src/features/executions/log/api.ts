import { asProblem } from '@/api'
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
  /** 大きさの上限で残っていない行(1 から、両端を含む)。 */
  gap: { first: number; last: number } | null
}

export type AnnotationLevel = 'error' | 'warning' | 'notice'

/** 行の番号は 1 から。まだ開いている区切りは、終わりが `null`。 */
export interface LogSection {
  first_line: number
  last_line: number | null
  title: string
  depth: number
  collapsed: boolean
  started_ms: number
  ended_ms: number | null
}

export interface LogAnnotation {
  line: number
  level: AnnotationLevel
  message: string
  file: string | null
  file_line: number | null
}

export interface LogMarks {
  sections: LogSection[]
  annotations: LogAnnotation[]
  truncated: boolean
}

/** この行から次の印の前までが、この時刻(Unix 時刻、ミリ秒)に届いた。 */
export interface TimeMark {
  line: number
  at_ms: number
}

export interface SearchQuery {
  q: string
  regex: boolean
  case: boolean
  word: boolean
}

/** 届く形は NDJSON。位置と桁はどちらもバイト。 */
export interface MatchMessage {
  type: 'match'
  line: number
  byte: number
  start: number
  end: number
  text: string
  text_start: number
  target_id?: number
  server_name?: string
  execution_id?: number
}

export type SearchMessage =
  | MatchMessage
  | { type: 'progress'; bytes: number; total: number; matches: number }
  | { type: 'target'; target_id: number; matches: number }
  | { type: 'end'; matches: number; truncated: boolean; next_byte?: number }

export interface MergedRow {
  target_id: number
  line: number
  at_ms: number
  /** 行のバイト列を base64 にしたもの。 */
  data: string
}

export interface MergedPage {
  rows: MergedRow[]
  before: string | null
  after: string | null
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

/** 無い(まだ作られていない)なら `null`。 */
async function fetchIfThere<T>(url: string, signal: AbortSignal): Promise<T | null> {
  try {
    return (await (await fetchBytes(url, { signal })).json()) as T
  } catch (error) {
    if (asProblem(error).status === 404) return null
    throw error
  }
}

export function fetchMarks(targetId: number, signal: AbortSignal): Promise<LogMarks | null> {
  return fetchIfThere(`/api/v1/targets/${targetId}/log/marks`, signal)
}

export async function fetchTimes(targetId: number, from: number, count: number, signal: AbortSignal): Promise<TimeMark[] | null> {
  const query = new URLSearchParams({ from: String(from), count: String(count) })
  const found = await fetchIfThere<{ marks: TimeMark[] }>(`/api/v1/targets/${targetId}/log/times?${query}`, signal)
  return found && found.marks
}

/** 探す相手。一つの対象、一つの実行の全部のサーバ、一つのジョブの期間。 */
export type SearchScope =
  | { kind: 'target'; id: number; fromByte: number }
  | { kind: 'execution'; id: number }
  | { kind: 'job'; id: number; since: string | null; until: string | null }

const SCOPE_PATHS = { target: 'targets', execution: 'executions', job: 'jobs' } as const

/** 見つかるそばから届く NDJSON。 */
export async function openSearch(scope: SearchScope, query: SearchQuery, limit: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const parameters = new URLSearchParams({
    q: query.q, regex: String(query.regex), case: String(query.case), word: String(query.word), limit: String(limit),
  })
  if (scope.kind === 'target') parameters.set('from_byte', String(scope.fromByte))
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

export function fetchMerged(executionId: number, request: MergedRequest, signal: AbortSignal): Promise<MergedPage | null> {
  const query = new URLSearchParams({ direction: request.direction, count: String(request.count) })
  if (request.cursor !== null) query.set('cursor', request.cursor)
  return fetchIfThere(`/api/v1/executions/${executionId}/log/merged?${query}`, signal)
}

/** 一度だけ使える、落とすための場所。1 GB でも、ブラウザの記憶に載せずに済む。 */
export async function downloadUrl(targetId: number): Promise<string> {
  return (await unwrap(createDownloadTicket({ path: { target_id: targetId } }))).url
}
