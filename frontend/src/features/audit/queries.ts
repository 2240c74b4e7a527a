import type { UserOption } from '@/api'

import * as api from './api'

/** 絞り込みの選択肢。取れなくても一覧は使えるので、失敗は空として扱う。 */
export async function loadOptions(): Promise<{ people: UserOption[]; actions: string[] }> {
  const [people, actions] = await Promise.all([api.fetchPeople().catch(() => []), api.fetchActions().catch(() => [])])
  return { people, actions }
}

export { saveRetention } from './api'
