import { describe, expect, it } from 'vitest'

import { emptyForm, inputFromForm } from './useCredentialForm'

describe('認証情報の入力', () => {
  it('鍵を選んだら、鍵とパスフレーズだけを送る', () => {
    const form = { ...emptyForm(null), name: ' prod ', privateKey: 'KEY\n', passphrase: 'p', password: 'left over' }
    expect(inputFromForm(form)).toEqual({ name: 'prod', kind: 'ssh_key', private_key: 'KEY\n', passphrase: 'p' })
  })

  it('パスワードを選んだら、パスワードだけを、空白も落とさずに送る', () => {
    const form = { ...emptyForm(null), name: 'prod', kind: 'password' as const, privateKey: 'KEY', password: ' x ' }
    expect(inputFromForm(form)).toEqual({ name: 'prod', kind: 'password', password: ' x ' })
  })

  it('直すときに空のままの秘密は送らず、今の値が残る', () => {
    expect(inputFromForm({ ...emptyForm(null), name: 'prod' })).toEqual({ name: 'prod', kind: 'ssh_key' })
  })
})
