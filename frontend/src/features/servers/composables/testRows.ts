import type { TestStepName, TestStepRead } from '@/api'

export interface TestRow {
  key: string
  name: TestStepName
  step: TestStepRead | undefined
  state: 'ok' | 'failed' | 'skipped'
}

const DIRECT: readonly TestStepName[] = ['dns', 'tcp', 'host_key', 'login', 'shell', 'run_directory']

/**
 * 試した段と、たどり着かなかった段を、順に並べる。
 *
 * 踏み台の段はいくつもあり、踏み台を通るときは名前解決の段がない。失敗した踏み台の先に
 * あと何段の踏み台があるかは、数えて渡す。
 */
export function testRows(steps: readonly TestStepRead[], jumps: number): TestRow[] {
  const rows: TestRow[] = steps.map((step, index) => ({
    key: `${index}`,
    name: step.name,
    step,
    state: step.reason === null ? 'ok' : 'failed',
  }))
  const ahead: TestStepName[] = [
    ...Array.from({ length: jumps }, (): TestStepName => 'jump'),
    ...DIRECT.filter((name) => jumps === 0 || name !== 'dns'),
  ]
  const last = steps.at(-1)
  const seen = last === undefined ? 0 : last.name === 'jump' ? steps.length : ahead.indexOf(last.name) + 1
  const rest = ahead.slice(seen).map((name, index): TestRow => ({ key: `rest-${index}`, name, step: undefined, state: 'skipped' }))
  return [...rows, ...rest]
}
