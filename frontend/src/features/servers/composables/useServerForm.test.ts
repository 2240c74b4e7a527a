import { describe, expect, it } from 'vitest'

import { changedOptions, DEFAULT_OPTIONS } from './sshOptions'
import { formFromServer, hasAdvanced, inputFromForm } from './useServerForm'

const blank = formFromServer(null)

describe('サーバの入力', () => {
  it('詳細設定に触れなければ、どれも既定か「無し」で送る', () => {
    expect(inputFromForm({ ...blank, name: ' web ', credentialId: 3 })).toMatchObject({
      name: 'web',
      credential_id: 3,
      jump_server_id: null,
      sudo_user: null,
      sudo_credential_id: null,
      max_parallel: null,
      run_directory: null,
      ssh_options: DEFAULT_OPTIONS,
    })
    expect(hasAdvanced(blank)).toBe(false)
  })

  it('ユーザを替えないなら、選んであった sudo のパスワードは送らない', () => {
    expect(inputFromForm({ ...blank, sudoUser: ' ', sudoCredentialId: 5 }).sudo_credential_id).toBeNull()
    expect(inputFromForm({ ...blank, sudoUser: 'app', sudoCredentialId: 5 }).sudo_credential_id).toBe(5)
  })

  it('数は数として送り、詳細設定を開いて見せる', () => {
    const form = { ...blank, maxParallel: ' 4 ', keepalive: '3', compression: true }
    expect(inputFromForm(form)).toMatchObject({ max_parallel: 4, ssh_options: { keepalive_s: 3, compression: true } })
    expect(hasAdvanced(form)).toBe(true)
  })

  it('サーバの画面には、既定と違う設定だけを見せる', () => {
    expect(changedOptions(DEFAULT_OPTIONS)).toEqual([])
    expect(changedOptions({ ...DEFAULT_OPTIONS, legacy_algorithms: true, keepalive_s: 3 })).toEqual([
      { key: 'legacyAlgorithms' },
      { key: 'keepalive', seconds: 3 },
    ])
  })
})
