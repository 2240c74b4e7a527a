import { ownWorker } from '@/shared/lib/ownWorker'

import { copyableText } from '../log/rowView'
import { fetchOutputText } from './api'
import diffWorkerUrl from './diffWorker.ts?worker&url'
import type { DiffResult } from './lineDiff'
import type { OutputGroup } from './outputGroups'

const MAX_BYTES = 1024 * 1024
const MAX_LINES = 20_000

/** 比べるには大きすぎるか。 */
export function tooLargeToDiff(...groups: readonly Pick<OutputGroup, 'log_bytes' | 'log_lines'>[]): boolean {
  return groups.some((group) => group.log_bytes > MAX_BYTES || group.log_lines > MAX_LINES)
}

/** 色や、書き直された途中の姿を除いた、見える文字。 */
export function visibleText(raw: string): string {
  return raw.split('\n').map(copyableText).join('\n')
}

function runWorker(majority: string, other: string, signal: AbortSignal): Promise<DiffResult | null> {
  const worker = ownWorker(diffWorkerUrl)
  return new Promise<DiffResult | null>((resolve, reject) => {
    worker.onmessage = (event: MessageEvent<DiffResult | null>) => resolve(event.data)
    worker.onerror = () => reject(new Error('the diff worker stopped'))
    signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
    worker.postMessage({ majority, other })
  }).finally(() => worker.terminate())
}

/** 二つの組の出力の違い。 */
export async function compareOutputs(
  majority: OutputGroup,
  other: OutputGroup,
  signal: AbortSignal,
): Promise<DiffResult | null> {
  const read = (group: OutputGroup): Promise<string> => fetchOutputText(group.target_ids[0] ?? 0, group.log_bytes, signal)
  const [before, after] = await Promise.all([read(majority), read(other)])
  return runWorker(visibleText(before), visibleText(after), signal)
}
