import { describe, expect, it } from 'vitest'

import { bytesFromLimit, DEFAULT_LOG_BYTES, limitFromBytes, limitProblem, type SizeUnit } from './logLimit'

describe('ログの大きさの上限', () => {
  it.each([
    [null, '', 'GiB'],
    [DEFAULT_LOG_BYTES, '1', 'GiB'],
    [1536 * 2 ** 20, '1536', 'MiB'],
    [2 ** 40, '1', 'TiB'],
    [1_500_000, '1.430511474609375', 'MiB'],
  ] as const)('%s は割り切れるいちばん大きい単位で見せ、元に戻る', (bytes, amount, unit) => {
    expect(limitFromBytes(bytes)).toEqual({ amount, unit })
    expect(bytesFromLimit({ amount, unit })).toBe(bytes)
  })

  it.each([
    ['', 'GiB', null],
    ['0.5', 'GiB', null],
    ['1', 'MiB', null],
    ['0.9', 'MiB', 'logLimitMin'],
    ['2', 'TiB', 'logLimitMax'],
    ['-1', 'GiB', 'logLimit'],
    ['1e3', 'GiB', 'logLimit'],
    ['many', 'MiB', 'logLimit'],
  ] as const)('「%s %s」の検査', (amount: string, unit: SizeUnit, problem) => {
    expect(limitProblem({ amount, unit })).toBe(problem)
  })
})
