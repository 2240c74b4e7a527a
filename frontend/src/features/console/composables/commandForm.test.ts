import { describe, expect, it } from 'vitest'

import type { ExecutionRead } from '@/api'

import { emptyForm, formFromCommand, inputFromForm } from './commandForm'

describe('その場の命令の入力', () => {
  it('空の式と数は null として送り、命令は一文字も変えない', () => {
    expect(inputFromForm({ ...emptyForm(1), command: ' uname -a\n', selector: ' ', timeout: '' })).toEqual({
      project_id: 1,
      command: ' uname -a\n',
      selector: null,
      server_ids: [],
      timeout_s: null,
      strategy: { max_parallel: null },
    })
  })

  it('初めは五分で止める', () => {
    expect(inputFromForm({ ...emptyForm(1), command: 'id', selector: 'web' })).toMatchObject({ selector: 'web', timeout_s: 300 })
  })

  it('前の命令を、消されていないサーバで、もう一度使える', () => {
    const execution = {
      project_id: 7,
      spec: { script: 'id\n', timeout_s: 60, strategy: { max_parallel: 5 } },
      targets: [{ server_id: 3, server_name: 'web-3' }, { server_id: null, server_name: 'gone' }],
    } as unknown as ExecutionRead
    expect(formFromCommand(execution)).toEqual({
      known: [{ id: 3, name: 'web-3' }],
      form: { projectId: 7, command: 'id\n', selector: '', serverIds: [3], timeout: '60', maxParallel: '5' },
    })
  })
})
