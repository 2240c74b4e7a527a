import { describe, expect, it } from 'vitest'

import { compareCommand, matchesTail } from './hostKeyFiles'

describe('ホスト鍵を確かめる', () => {
  it.each([
    ['ssh-ed25519', 'ssh_host_ed25519_key.pub'],
    ['ecdsa-sha2-nistp256', 'ssh_host_ecdsa_key.pub'],
    ['rsa-sha2-512', 'ssh_host_rsa_key.pub'],
    ['unknown', 'ssh_host_ed25519_key.pub'],
  ])('%s の鍵は %s を見る', (algorithm, file) => {
    expect(compareCommand(algorithm)).toBe(`ssh-keygen -lvf /etc/ssh/${file}`)
  })

  it('指紋の末尾は、大文字と小文字も合わなければ認めない', () => {
    const fingerprint = 'SHA256:abcdefGhIjKl'
    expect(matchesTail(' GhIjKl ', fingerprint)).toBe(true)
    expect(matchesTail('ghijkl', fingerprint)).toBe(false)
    expect(matchesTail('', fingerprint)).toBe(false)
  })
})
