import type { RemoteRunRead } from '@/api'

const LIVE: readonly string[] = ['queued', 'starting', 'running', 'disconnected']

/** この設置の知らない走り: ほかの設置のものか、こちらの記録が消えたもの。 */
export const isOrphan = (run: RemoteRunRead): boolean => run.owner === null

/** 片付けてよい走り。まだ終わっていない実行のものは、実行のほうを中止する。 */
export const isFree = (run: RemoteRunRead): boolean => run.owner === null || !LIVE.includes(run.owner.state)
