import { describe, expect, it } from 'vitest'

import { NO_FILTERS, toQuery } from './auditFilters'

describe('監査の絞り込み', () => {
  it('空なら何も絞らない', () => {
    expect(toQuery(NO_FILTERS)).toEqual({
      q: '', actor_id: null, action: null, subject_type: null, subject_id: null, project_id: null, outcome: null, from: null, to: null,
    })
  })

  it('物は種類だけでも、番号まででも絞れる', () => {
    expect(toQuery({ ...NO_FILTERS, subject: 'job' })).toMatchObject({ subject_type: 'job', subject_id: null })
    expect(toQuery({ ...NO_FILTERS, subject: 'job:7' })).toMatchObject({ subject_type: 'job', subject_id: 7 })
  })

  it('手で書き換えられた値は捨てる', () => {
    const broken = { ...NO_FILTERS, user: '1e99', subject: 'job:-1', project: 'all', outcome: 'x', from: 'yesterday' }
    expect(toQuery(broken)).toMatchObject({ actor_id: null, subject_id: null, project_id: null, outcome: null, from: null })
  })
})
