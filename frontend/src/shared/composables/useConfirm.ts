import { shallowReadonly, shallowRef, type ShallowRef } from 'vue'

export interface ConfirmQuestion {
  title: string
  text: string
  confirmLabel: string
  /** やめるほうの言葉。「中止」を尋ねるときの「やめる」のように、紛らわしい場合に替える。 */
  cancelLabel?: string
  /** 取り返しがつかない操作。色と、最初の位置(やめる)が変わる。 */
  danger?: boolean
}

interface Pending extends ConfirmQuestion {
  answer: (yes: boolean) => void
}

const pending = shallowRef<Pending | null>(null)

/** `if (await confirm({...}))` の形で尋ねる。 */
export function useConfirm(): (question: ConfirmQuestion) => Promise<boolean> {
  return (question) =>
    new Promise((resolve) => {
      pending.value?.answer(false)
      pending.value = {
        ...question,
        answer: (yes) => {
          pending.value = null
          resolve(yes)
        },
      }
    })
}

/** 尋ねる箱(ConfirmDialog)だけが使う。 */
export function usePendingConfirm(): Readonly<ShallowRef<Pending | null>> {
  return shallowReadonly(pending)
}
