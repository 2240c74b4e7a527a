import { describe, expect, it } from 'vitest'

import { nextPath } from './nextPath'

describe('ログインのあとに戻る場所', () => {
  it.each([
    ['/executions/3?target=1#L120', '/executions/3?target=1#L120'],
    ['//evil.example/x', '/'],
    ['/\\evil.example', '/'],
    ['https://evil.example', '/'],
    ['/login?next=/', '/'],
    [undefined, '/'],
    [['/a', '/b'], '/'],
  ])('%s なら %s', (wanted, path) => {
    expect(nextPath(wanted)).toBe(path)
  })
})
