import { describe, expect, it } from 'vitest'

import { inputFromJob } from '../queries'
import { jobRead } from '../testing'
import { newEnvRow } from './envRows'
import { inputFromForm, useJobForm } from './useJobForm'

const full = jobRead({
  script: '#!/bin/bash\r\necho hi  \r\n',
  interpreter: '/usr/bin/python3',
  env: { A: '1', B: '' },
  working_directory: '/srv',
  timeout_s: 5400,
  stop_without_contact_s: 600,
  enabled: false,
  version: 7,
})

describe('ジョブの入力', () => {
  it('読んで、何も変えずに保存すると、同じ中身を送る(台本の CRLF も空白もそのまま)', () => {
    const { form, fill, version } = useJobForm()
    fill(full)
    expect(inputFromForm(form)).toEqual(inputFromJob(full))
    expect(version.value).toBe(7)
  })

  it('読んだ直後は変更なし、変えると変更あり、保存すると変更なしになる', () => {
    const { form, fill, saved, dirty } = useJobForm()
    fill(full)
    expect(dirty.value).toBe(false)
    form.env = [...form.env, newEnvRow('C', '3')]
    expect(dirty.value).toBe(true)
    saved()
    expect(dirty.value).toBe(false)
  })

  it('CRLF に気づき、検査の外の誤りをまとめて知らせる', () => {
    const { form, fill, hasCrlf, broken } = useJobForm()
    fill(full)
    expect([hasCrlf.value, broken.value]).toEqual([true, false])
    form.env = [newEnvRow('TSUBAME_X', '1')]
    expect(broken.value).toBe(true)
    form.env = []
    form.timeout = { amount: '0', unit: 'minutes' }
    expect(broken.value).toBe(true)
  })

  it('空の欄は null として送る', () => {
    const { form } = useJobForm()
    Object.assign(form, { name: ' a ', interpreter: '  ', workingDirectory: '' })
    expect(inputFromForm(form)).toMatchObject({ name: 'a', interpreter: null, working_directory: null, timeout_s: null })
  })
})
