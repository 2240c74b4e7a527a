import type { OutputsRead } from '@/api'
import { fetchBytes, unwrap } from '@/api/client'
import { getExecutionOutputs } from '@/api/generated'

export function fetchOutputs(executionId: number, signal?: AbortSignal): Promise<OutputsRead> {
  return unwrap(getExecutionOutputs({ path: { execution_id: executionId }, signal }))
}

/** 出力の先頭から `bytes` バイトまで。途中で切れた文字は、代わりの印になる。 */
export async function fetchOutputText(targetId: number, bytes: number, signal?: AbortSignal): Promise<string> {
  if (bytes === 0) return ''
  const init = { headers: { Range: `bytes=0-${bytes - 1}` }, ...(signal === undefined ? {} : { signal }) }
  const response = await fetchBytes(`/api/v1/targets/${targetId}/log`, init)
  return new TextDecoder().decode(await response.arrayBuffer())
}
