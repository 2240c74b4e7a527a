import { readonly, ref, type DeepReadonly, type Ref } from 'vue'

export interface SnackbarMessage {
  id: number
  text: string
  color: 'success' | 'error' | 'info'
}

interface UseSnackbar {
  messages: DeepReadonly<Ref<SnackbarMessage[]>>
  success: (text: string) => void
  error: (text: string) => void
  info: (text: string) => void
  dismiss: (id: number) => void
}

const messages = ref<SnackbarMessage[]>([])
let lastId = 0

function show(text: string, color: SnackbarMessage['color']): void {
  lastId += 1
  // 同じ失敗が続いても、画面を埋めない
  messages.value = [...messages.value.filter((held) => held.text !== text), { id: lastId, text, color }].slice(-3)
}

/** 画面の下に短い知らせを出す。出す場所は App に一つだけある。 */
export function useSnackbar(): UseSnackbar {
  return {
    messages: readonly(messages),
    success: (text) => show(text, 'success'),
    error: (text) => show(text, 'error'),
    info: (text) => show(text, 'info'),
    dismiss: (id) => (messages.value = messages.value.filter((held) => held.id !== id)),
  }
}
