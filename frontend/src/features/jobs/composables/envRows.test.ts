import { describe, expect, it } from 'vitest'
import { envFromRows, envProblems, newEnvRow, rowsFromEnv } from './envRows'

describe('環境変数の表', () => {
  it('表にして戻すと、元の組になる', () => {
    const env = { PATH_EXTRA: '/opt/bin', EMPTY: '' }
    expect(envFromRows(rowsFromEnv(env))).toEqual(env)
  })

  it('書きかけの空の行は、誤りにせず保存もしない', () => {
    const rows = [newEnvRow('A', '1'), newEnvRow()]
    expect(envProblems(rows)).toEqual([null, null])
    expect(envFromRows(rows)).toEqual({ A: '1' })
  })

  it.each([
    ['', 'value', 'envNameRequired'],
    ['1ST', '', 'envName'],
    ['WITH-DASH', '', 'envName'],
    ['名前', '', 'envName'],
    ['TSUBAME_RUN_ID', '', 'envReserved'],
    ['A', 'a\0b', 'envNul'],
    ['_ok1', 'x', null],
  ] as const)('名前「%s」値「%s」は %s', (name, value, problem) => {
    expect(envProblems([newEnvRow(name, value)])).toEqual([problem])
  })

  it('同じ名前は、二つ目の行に印を付ける', () => {
    expect(envProblems([newEnvRow('A', '1'), newEnvRow('A', '2')])).toEqual([null, 'envDuplicate'])
  })

  it('行の番号は重ならない', () => {
    expect(newEnvRow().key).not.toBe(newEnvRow().key)
  })
})
