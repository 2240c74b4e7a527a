import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { authorizedKeysCommand, keyTextProblem } from './keyText'

const PEM = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n'

describe('貼り付けた鍵の取り違え', () => {
  it.each([
    ['', 'required'],
    ['  \n', 'required'],
    ['ssh-ed25519 AAAA me@host', 'isPublicKey'],
    ['ecdsa-sha2-nistp256 AAAA', 'isPublicKey'],
    ['-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----', 'isPublicKey'],
    ['-----BEGIN OPENSSH PRIVATE KEY-----\nabc', 'notKey'],
    ['hello', 'notKey'],
    [PEM, null],
    [PEM.replaceAll('OPENSSH ', 'RSA '), null],
    [PEM.replaceAll('OPENSSH ', ''), null],
  ])('「%s」は %s', (text, problem) => {
    expect(keyTextProblem(text)).toBe(problem)
  })
})

describe('公開鍵を登録する一行', () => {
  let home = ''
  const line = "ssh-ed25519 AAAAC3Nz it's mine"
  const run = () => execFileSync('/bin/sh', ['-c', authorizedKeysCommand(line)], { env: { HOME: home, PATH: process.env.PATH } })
  const file = () => join(home, '.ssh', 'authorized_keys')

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'keys-'))
  })
  afterEach(() => {
    rmSync(home, { recursive: true })
  })

  it('本物のシェルで二度動かしても、行は一つで、ほかの人には読めない', () => {
    run()
    run()
    expect(readFileSync(file(), 'utf8').split('\n').filter(Boolean)).toEqual([line])
    expect(statSync(file()).mode & 0o777).toBe(0o600)
  })

  it('改行で終わらないファイルでも、前の鍵とつながらない', () => {
    mkdirSync(join(home, '.ssh'))
    writeFileSync(file(), 'ssh-rsa OLD')
    run()
    expect(readFileSync(file(), 'utf8').split('\n').filter(Boolean)).toEqual(['ssh-rsa OLD', line])
  })
})
