import type { ProofInputWritable, SessionRead } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export interface OwnSessions {
  items: SessionRead[]
  /** 終わらせるとき、数字で確かめる。 */
  usesCode: boolean
}

export async function fetchSessions(signal?: AbortSignal): Promise<OwnSessions> {
  const [sessions, factor] = await Promise.all([unwrap(sdk.listMySessions({ signal })), unwrap(sdk.getSecondFactor({ signal }))])
  return { items: sessions.items, usesCode: factor.enabled_at !== null }
}

export async function endSession(id: string, proof: ProofInputWritable): Promise<void> {
  await unwrap(sdk.endMySession({ path: { session_id: id }, body: proof }))
}

/** 今使っているもののほかを全部終わらせ、その数を返す。 */
export async function endOtherSessions(proof: ProofInputWritable): Promise<number> {
  return (await unwrap(sdk.endMyOtherSessions({ body: proof }))).ended
}
