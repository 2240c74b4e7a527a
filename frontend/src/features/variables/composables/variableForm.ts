import type { VariableInputWritable, VariableKind, VariableRead } from '@/api'

export const MAX_FILE_BYTES = 64 * 1024

export interface VariableForm {
  name: string
  kind: VariableKind
  value: string
  /** 選んだファイルの中身(base64)。選んでいなければ空。 */
  file: string
}

export function formFrom(variable: VariableRead | null, kind: VariableKind): VariableForm {
  return { name: variable?.name ?? '', kind: variable?.kind ?? kind, value: variable?.value ?? '', file: '' }
}

/** 送る形にする。空の秘密は送らない: 直すときは「今の値のまま」の意味になる。 */
export function inputFrom(form: VariableForm): VariableInputWritable {
  const base = { name: form.name.trim(), kind: form.kind }
  if (form.kind === 'file') return form.file === '' ? base : { ...base, file_base64: form.file }
  return form.kind === 'secret' && form.value === '' ? base : { ...base, value: form.value }
}

/** どのバイトも失わずに base64 にする。 */
export function base64Of(bytes: Uint8Array): string {
  let text = ''
  // 一度に広げると、大きなファイルで引数が多すぎることになる
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}
