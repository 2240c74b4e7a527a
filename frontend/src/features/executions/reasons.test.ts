import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { mergeMessages, type Messages } from '@/app/messages/merge'

// 名前の表は一つだけ、後ろ側の業務層にある。写しを持たず、そこから読む
const BUSINESS = join(import.meta.dirname, '../../../../backend/src/tsubame/business')

function codesIn(path: string, from = ''): string[] {
  const whole = readFileSync(join(BUSINESS, path), 'utf8')
  const text = whole.slice(whole.indexOf(from))
  return [...text.matchAll(/^ {4}code(?:: ClassVar\[str\])? = "(\w+)"/gm)].map((found) => found[1] ?? '')
}

function runReasons(): string[] {
  const text = readFileSync(join(BUSINESS, 'executions/reasons.py'), 'utf8')
  const members = text.slice(text.indexOf('class Reason('), text.indexOf('def of_exit_code'))
  return [...members.matchAll(/^ {4}[A-Z_]+ = "(\w+)"/gm)].map((found) => found[1] ?? '')
}

const connectionCodes = codesIn('servers/errors.py', 'class ConnectionProblem(')
const reasonCodes = [...new Set([...connectionCodes, ...runReasons()])]
const errorCodes = readdirSync(BUSINESS, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('errors.py'))
  .flatMap((path) => codesIn(path))
  .filter((code) => code !== 'error' && !reasonCodes.includes(code))

const files = import.meta.glob<Messages>('/src/**/locales/*.json', { eager: true, import: 'default' })
const messages = (language: string): Messages =>
  mergeMessages(Object.entries(files).filter(([path]) => path.endsWith(`/${language}.json`)).map(([, content]) => content))

function text(language: string, ...path: string[]): unknown {
  return path.reduce<unknown>((held, key) => (held as Messages | undefined)?.[key], messages(language))
}

describe.each(['ja', 'en'])('理由の言葉(%s)', (language) => {
  it('業務層から、接続と走りの理由を読めている', () => {
    expect(reasonCodes).toEqual(expect.arrayContaining(['host_key_changed', 'connection_problem', 'exit_nonzero', 'server_deleted']))
    expect(reasonCodes.length).toBeGreaterThan(28)
  })

  it.each(reasonCodes)('%s に、題・起きたこと・次の一手がある', (code) => {
    for (const part of ['title', 'what', 'next']) expect(text(language, 'reasons', code, part)).toMatch(/\S{2}/)
  })

  it.each(errorCodes)('%s の失敗に、言葉がある', (code) => {
    expect(text(language, 'errors', code, 'what')).toMatch(/\S{2}/)
  })
})
