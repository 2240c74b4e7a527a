import { describe, expect, it } from 'vitest'
import { signalFromExitCode } from './signalNames'

describe('シグナルの名前', () => {
  it.each([
    [137, 'SIGKILL (9)'],
    [143, 'SIGTERM (15)'],
    [139, 'SIGSEGV (11)'],
    [160, '32'],
    [1, ''],
    [null, ''],
  ])('終了コード %s は「%s」', (code, name) => {
    expect(signalFromExitCode(code)).toBe(name)
  })
})
