import { reactive } from 'vue'

import type { CredentialInputWritable, CredentialKind, CredentialRead } from '@/api'

export interface CredentialForm {
  name: string
  kind: CredentialKind
  privateKey: string
  passphrase: string
  password: string
}

export function emptyForm(credential: CredentialRead | null): CredentialForm {
  return {
    name: credential?.name ?? '',
    kind: credential?.kind ?? 'ssh_key',
    privateKey: '',
    passphrase: '',
    password: '',
  }
}

/**
 * 送る形にする。空の秘密は送らない: 作るときは「ない」、直すときは「今の値のまま」の意味になる。
 *
 * 選んでいない種類の欄に残った文字も送らない。
 */
export function inputFromForm(form: CredentialForm): CredentialInputWritable {
  const base = { name: form.name.trim(), kind: form.kind }
  if (form.kind === 'password') return form.password === '' ? base : { ...base, password: form.password }
  const secrets: Pick<CredentialInputWritable, 'private_key' | 'passphrase'> = {}
  if (form.privateKey.trim() !== '') secrets.private_key = form.privateKey
  if (form.passphrase !== '') secrets.passphrase = form.passphrase
  return { ...base, ...secrets }
}

export function useCredentialForm(): { form: CredentialForm; reset: (credential: CredentialRead | null) => void } {
  const form = reactive(emptyForm(null))
  return { form, reset: (credential) => Object.assign(form, emptyForm(credential)) }
}
