import { describe, expect, it } from 'vitest'

import type { TestStepName, TestStepRead } from '@/api'

import { testRows } from './testRows'

function step(name: TestStepName, reason: string | null = null): TestStepRead {
  return { name, reason, detail: '', duration_ms: 1, facts: {}, hop: null }
}

const shown = (steps: TestStepRead[], jumps: number): string[] => testRows(steps, jumps).map((row) => `${row.name}:${row.state}`)

describe('接続試験の段', () => {
  it('失敗した段の先は、たどり着かなかった段として見せる', () => {
    expect(shown([step('dns'), step('tcp', 'connect_refused')], 0)).toEqual([
      'dns:ok',
      'tcp:failed',
      'host_key:skipped',
      'login:skipped',
      'shell:skipped',
      'run_directory:skipped',
    ])
  })

  it('踏み台で止まると、残りの踏み台も見せる。名前解決の段はない', () => {
    expect(shown([step('jump'), step('jump', 'auth_failed')], 3).slice(0, 5)).toEqual([
      'jump:ok',
      'jump:failed',
      'jump:skipped',
      'tcp:skipped',
      'host_key:skipped',
    ])
  })

  it('踏み台の先でつながる前に鍵で止まっても、段を二重に数えない', () => {
    expect(shown([step('jump'), step('host_key', 'host_key_unknown')], 1)).toEqual([
      'jump:ok',
      'host_key:failed',
      'login:skipped',
      'shell:skipped',
      'run_directory:skipped',
    ])
  })
})
