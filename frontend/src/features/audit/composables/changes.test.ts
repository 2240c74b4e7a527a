import { describe, expect, it } from 'vitest'

import { changesOf, othersOf } from './changes'

describe('監査の前後の差', () => {
  it('値は前と後、秘密は変わったことだけ', () => {
    const details = { changes: { port: { from: 22, to: 2222 }, tags: { from: null, to: ['a'] }, secret: 'changed' } }
    expect(changesOf(details)).toEqual([
      { name: 'port', kind: 'values', from: '22', to: '2222' },
      { name: 'tags', kind: 'values', from: null, to: '["a"]' },
      { name: 'secret', kind: 'secret' },
    ])
  })

  it('何行もある文字は、変わった行とその前後だけ', () => {
    const lines = (changed: string): string => ['a', 'b', 'c', 'd', changed, 'f', 'g', 'h'].join('\n')
    expect(changesOf({ changes: { script: { from: lines('e'), to: lines('E') } } })).toEqual([
      {
        name: 'script',
        kind: 'text',
        lines: [
          { sign: ' ', text: '…' },
          { sign: ' ', text: 'c' },
          { sign: ' ', text: 'd' },
          { sign: '-', text: 'e' },
          { sign: '+', text: 'E' },
          { sign: ' ', text: 'f' },
          { sign: ' ', text: 'g' },
          { sign: ' ', text: '…' },
        ],
      },
    ])
  })

  it('差のほかの項目は、名前と値', () => {
    expect(othersOf({ changes: {}, run_id: 'x', stopped: false, reason: null })).toEqual([
      { name: 'run_id', value: 'x' },
      { name: 'stopped', value: 'false' },
      { name: 'reason', value: '–' },
    ])
  })
})
