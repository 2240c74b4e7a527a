import { reactive, ref, shallowRef, type Ref, type ShallowRef } from 'vue'

import { asProblem, type ApiProblem } from '@/api'

import { useProblemText } from './useProblemText'

interface UseServerErrors {
  /** 欄に結び付かない失敗。FormDialog の `problem` に渡す。 */
  problem: ShallowRef<ApiProblem | null>
  saving: Ref<boolean>
  /** その欄の文。`:error-messages="of('name')"` */
  of: (field: string) => string[]
  /** 書き直した欄の文を消す。 */
  clear: (field?: string) => void
  /** 保存する。断られたら `undefined` を返し、入力には触れない。 */
  submit: <T>(save: () => Promise<T>) => Promise<T | undefined>
}

/** サーバに断られたときの文を、欄ごとに持つ。 */
export function useServerErrors(fields: readonly string[] = []): UseServerErrors {
  const { fieldMessage } = useProblemText()
  const byField = reactive<Record<string, string[]>>({})
  const problem = shallowRef<ApiProblem | null>(null)
  const saving = ref(false)

  function clear(field?: string): void {
    if (field !== undefined) {
      Reflect.deleteProperty(byField, field)
      return
    }
    problem.value = null
    for (const key of Object.keys(byField)) Reflect.deleteProperty(byField, key)
  }

  // `tags.2` のような並びの中の一つは、その並びの欄に出す
  function inputOf(field: string): string {
    return fields.find((own) => field === own || field.startsWith(`${own}.`)) ?? field
  }

  function take(refused: ApiProblem): void {
    for (const error of refused.errors) (byField[inputOf(error.field)] ??= []).push(fieldMessage(error))
    const shown = refused.errors.length > 0 && refused.errors.every((error) => fields.includes(inputOf(error.field)))
    if (!shown) problem.value = refused
  }

  async function submit<T>(save: () => Promise<T>): Promise<T | undefined> {
    if (saving.value) return undefined
    clear()
    saving.value = true
    try {
      return await save()
    } catch (error) {
      take(asProblem(error))
      return undefined
    } finally {
      saving.value = false
    }
  }

  return { problem, saving, of: (field) => byField[field] ?? [], clear, submit }
}
