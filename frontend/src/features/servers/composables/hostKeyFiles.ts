/** sshd の既定のホスト鍵の置き場(sshd_config(5) の HostKey)。 */
const FILES: readonly [RegExp, string][] = [
  [/ed25519/, 'ssh_host_ed25519_key.pub'],
  [/ecdsa/, 'ssh_host_ecdsa_key.pub'],
  [/rsa/, 'ssh_host_rsa_key.pub'],
]

/** 見せられた種類の鍵の指紋を、サーバの上で表示する命令。 */
export function compareCommand(algorithm: string): string {
  const file = FILES.find(([pattern]) => pattern.test(algorithm))?.[1] ?? 'ssh_host_ed25519_key.pub'
  return `ssh-keygen -lvf /etc/ssh/${file}`
}

/** 押し間違いを防ぐため、人に打ってもらう文字。 */
export function fingerprintTail(fingerprint: string): string {
  return fingerprint.slice(-6)
}

/** 大文字と小文字も区別する(base64 なので別の文字)。 */
export function matchesTail(typed: string, fingerprint: string): boolean {
  return typed.trim() === fingerprintTail(fingerprint)
}
