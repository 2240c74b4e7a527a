import type { SessionList } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchSessions(signal?: AbortSignal): Promise<SessionList> {
  return unwrap(sdk.listMySessions({ signal }))
}

export async function endSession(id: string): Promise<void> {
  await unwrap(sdk.endMySession({ path: { session_id: id } }))
}

/** 今使っているもののほかを全部終わらせ、その数を返す。 */
export async function endOtherSessions(): Promise<number> {
  return (await unwrap(sdk.endMyOtherSessions())).ended
}
