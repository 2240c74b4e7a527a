import { describe, expect, it } from 'vitest'
import { MIN_SILENCE_S, secondsFromTimeout, timeoutFromSeconds, timeoutProblem } from './timeoutUnits'

describe('時間の上限', () => {
  it.each([
    [null, '', 'minutes'],
    [45, '45', 'seconds'],
    [5400, '90', 'minutes'],
    [7200, '2', 'hours'],
    [172_800, '2', 'days'],
  ] as const)('%s 秒は「%s %s」と見せ、同じ秒に戻る', (seconds, amount, unit) => {
    expect(timeoutFromSeconds(seconds)).toEqual({ amount, unit })
    expect(secondsFromTimeout({ amount, unit })).toBe(seconds)
  })

  it.each([
    ['', 'hours', null],
    ['0', 'hours', 'timeout'],
    ['1.5', 'hours', 'timeout'],
    ['-3', 'seconds', 'timeout'],
    ['abc', 'minutes', 'timeout'],
    ['366', 'days', 'timeoutMax'],
    ['365', 'days', null],
  ] as const)('「%s %s」の誤りは %s', (amount, unit, problem) => {
    expect(timeoutProblem({ amount, unit })).toBe(problem)
  })

  it.each([
    ['59', 'seconds', 'timeoutMin'],
    ['1', 'minutes', null],
    ['', 'minutes', null],
  ] as const)('連絡なしで続ける長さ「%s %s」の誤りは %s', (amount, unit, problem) => {
    expect(timeoutProblem({ amount, unit }, MIN_SILENCE_S)).toBe(problem)
  })
})
