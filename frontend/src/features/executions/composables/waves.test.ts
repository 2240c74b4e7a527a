import { describe, expect, it } from 'vitest'

import type { TargetState } from '@/api'

import { targetRead } from '../testing'
import { hasFailures, wavesOf } from './waves'

let id = 0
const target = (wave: number, state: TargetState) => targetRead({ id: ++id, wave, state })

describe('波の進み具合', () => {
  it('終わった数・失敗の数と、今どの波かを言う', () => {
    const waves = wavesOf([
      target(0, 'succeeded'),
      target(1, 'failed'),
      target(1, 'running'),
      target(2, 'queued'),
      target(2, 'queued'),
    ])
    expect(waves).toEqual([
      { number: 1, total: 1, done: 1, failed: 0, current: false, closed: false },
      { number: 2, total: 2, done: 1, failed: 1, current: true, closed: false },
      { number: 3, total: 2, done: 0, failed: 0, current: false, closed: true },
    ])
  })

  it('波が一つなら、見せるものはない', () => {
    expect(wavesOf([target(0, 'running'), target(0, 'queued')])).toEqual([])
  })

  it('全部終われば、今の波はない', () => {
    expect(wavesOf([target(0, 'succeeded'), target(1, 'skipped')]).some((wave) => wave.current)).toBe(false)
  })

  it('飛ばされたもの・中止されたものも、やり直せる。動いているものは、まだ数えない', () => {
    expect(hasFailures([target(0, 'succeeded'), target(0, 'skipped')])).toBe(true)
    expect(hasFailures([target(0, 'succeeded'), target(0, 'running')])).toBe(false)
  })
})
