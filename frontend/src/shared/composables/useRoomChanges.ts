import { onScopeDispose } from 'vue'

import type { Change } from '@/shared/lib/streamMessages'

import { useChangesStream } from './useStream'

const GATHER_MS = 300

/**
 * その部屋の何かが変わったら `reload` を呼ぶ。
 *
 * 立て続けの知らせ(まとめて登録したときなど)は一度にまとめる。
 * `id` を渡すと、そのものの知らせだけを聞く。
 */
export function useRoomChanges(room: Change['room'], reload: () => void, id?: number): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  function soon(): void {
    clearTimeout(timer)
    timer = setTimeout(reload, GATHER_MS)
  }
  useChangesStream((change) => {
    if (change.room === room && (id === undefined || change.entity_id === id)) soon()
  }, soon)
  onScopeDispose(() => clearTimeout(timer))
}
