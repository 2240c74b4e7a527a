/** 誤りの名前。訳は `credentials.rule.<名前>`。 */
export type KeyTextProblem = 'required' | 'isPublicKey' | 'notKey'

const PUBLIC = /^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+|sk-\S+)\s|^-----BEGIN (RSA )?PUBLIC KEY-----/
const PRIVATE = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]+-----END [A-Z0-9 ]*PRIVATE KEY-----/

/** 送る前に分かる取り違え(公開鍵を貼った、途中までしか写していない)だけを見る。 */
export function keyTextProblem(text: string): KeyTextProblem | null {
  const trimmed = text.trim()
  if (trimmed === '') return 'required'
  if (PUBLIC.test(trimmed)) return 'isPublicKey'
  return PRIVATE.test(trimmed) ? null : 'notKey'
}

/** 秘密鍵はどの種類でも数 KB。取り違えた大きなファイルを読み込まないための上限。 */
export const MAX_KEY_FILE_BYTES = 65_536

/**
 * サーバに貼り付けるだけで公開鍵を登録する一行。
 *
 * 二度動かしても増えず、元のファイルが改行で終わっていなくても前の行につながらない。
 */
export function authorizedKeysCommand(line: string): string {
  const quoted = `'${line.trim().replaceAll("'", `'\\''`)}'`
  const file = '~/.ssh/authorized_keys'
  return (
    `umask 077; mkdir -p ~/.ssh; ` +
    `grep -qsxF ${quoted} ${file} || printf '\\n%s\\n' ${quoted} >> ${file}`
  )
}
