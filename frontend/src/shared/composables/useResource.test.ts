import { describe, expect, it } from 'vitest'
import { effectScope } from 'vue'
import { ApiProblem } from '@/api'
import { useResource } from './useResource'

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}

describe('useResource', () => {
  it('遅れて届いた古い返事は、新しい中身を上書きしない', async () => {
    const answers = [deferred<string>(), deferred<string>()]
    let call = 0
    const resource = useResource(() => answers[call++]!.promise)
    const first = resource.reload()
    const second = resource.reload()
    answers[1]!.resolve('new')
    await second
    answers[0]!.resolve('old')
    await first
    expect(resource.data.value).toBe('new')
    expect(resource.loading.value).toBe(false)
  })

  it('失敗しても前の中身を残し、読み直しに成功すると失敗を消す', async () => {
    const steps = [() => Promise.resolve(1), () => Promise.reject(new ApiProblem({ code: 'unavailable' })), () => Promise.resolve(2)]
    const resource = useResource(() => steps.shift()!())
    await resource.reload()
    await resource.reload()
    expect(resource.data.value).toBe(1)
    expect(resource.problem.value?.code).toBe('unavailable')
    expect(resource.loading.value).toBe(false)
    await resource.reload()
    expect(resource.data.value).toBe(2)
    expect(resource.problem.value).toBeNull()
  })

  it('画面を離れると、待っている通信をやめる', () => {
    let seen: AbortSignal | undefined
    const scope = effectScope()
    scope.run(() => {
      void useResource((signal) => {
        seen = signal
        return new Promise(() => {})
      }).reload()
    })
    scope.stop()
    expect(seen?.aborted).toBe(true)
  })
})
