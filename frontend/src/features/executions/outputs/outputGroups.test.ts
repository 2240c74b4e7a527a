import { describe, expect, it } from 'vitest'

import type { OutputGroupRead } from '@/api'

import { targetRead } from '../testing'
import { tooLargeToDiff, visibleText } from './compareOutputs'
import { summarize, withTargets } from './outputGroups'

const group = (...ids: number[]): OutputGroupRead => ({ target_ids: ids, log_bytes: 10, log_lines: 1, too_large: false })

describe('出力のまとめ', () => {
  it('いちばん多い組の数と、そのほかの数を言う', () => {
    expect(summarize([group(1, 2, 3), group(4), group(5)])).toEqual({ same: 3, differ: 2, total: 5, allDiffer: false })
  })

  it('どれも違えば、そう言う。一台だけなら、違うとは言わない', () => {
    expect(summarize([group(1), group(2)]).allDiffer).toBe(true)
    expect(summarize([group(1)]).allDiffer).toBe(false)
    expect(summarize([])).toMatchObject({ same: 0, total: 0 })
  })

  it('対象を名前の順に並べ、知らない番号は省く', () => {
    const targets = [targetRead({ id: 1, server_name: 'web-10' }), targetRead({ id: 2, server_name: 'web-2' })]
    expect(withTargets([group(1, 2, 9)], targets)[0]?.targets.map((target) => target.server_name)).toEqual(['web-2', 'web-10'])
  })

  it('1 MiB か二万行を超えると、比べない', () => {
    expect(tooLargeToDiff({ log_bytes: 1024 * 1024, log_lines: 20_000 })).toBe(false)
    expect(tooLargeToDiff({ log_bytes: 1, log_lines: 1 }, { log_bytes: 1024 * 1024 + 1, log_lines: 1 })).toBe(true)
    expect(tooLargeToDiff({ log_bytes: 1, log_lines: 20_001 })).toBe(true)
  })

  it('色と書き直しを除いた、見える文字だけを比べる', () => {
    expect(visibleText('\x1b[32mok\x1b[0m\n10%\r100%\n')).toBe('ok\n100%\n')
  })
})
