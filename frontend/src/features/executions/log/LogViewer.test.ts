import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { createVuetify } from 'vuetify'
import * as components from 'vuetify/components'

import { problemFrom } from '@/api/problem'
import { streamKey } from '@/shared/composables/useStream'
import shared from '@/shared/locales/ja.json'

import { targetRead } from '../testing'
import type { LogMarks } from './api'
import messages from './locales/ja.json'
import LogViewer from './LogViewer.vue'

const server = vi.hoisted(() => ({ answer: (_: URL): Response => new Response() }))
vi.mock('@/api/client', async (original) => {
  const real = await original<object>()
  const { client } = await import('@/api/generated/client.gen')
  // node の Request は、住所の要る相手としか話せない
  client.setConfig({ baseUrl: 'http://tsubame.test', fetch: (request) => Promise.resolve(server.answer(new URL((request as Request).url))) })
  return {
    ...real,
    fetchBytes: async (url: string) => {
      const response = server.answer(new URL(url, 'http://tsubame.test'))
      if (!response.ok) throw problemFrom(await response.json(), response.status)
      return response
    },
  }
})
vi.mock('vue-router', () => ({ useRoute: () => ({ hash: '', query: {} }), useRouter: () => ({ replace: () => {} }) }))

const LINES = [
  'start', '::group::Install', 'package a', 'package b', '::endgroup::',
  'section_start:1:tests[collapsed=true]\r\x1b[0KRun tests', 'test 1', 'test 2 needle', 'section_end:1:tests\r\x1b[0K',
  '::error file=a.sh,line=3::disk is full', 'needle again', 'end',
]
const MARKS: LogMarks = {
  sections: [
    { first_line: 2, last_line: 5, title: 'Install', depth: 0, collapsed: false, started_ms: 0, ended_ms: 12_000 },
    { first_line: 6, last_line: 9, title: 'Run tests', depth: 0, collapsed: true, started_ms: 0, ended_ms: 42_000 },
  ],
  annotations: [{ line: 10, level: 'error', message: 'disk is full', file: 'a.sh', file_line: 3 }],
  truncated: false,
}
const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })

/** サーバの約束を守る、小さな相手。 */
function answer(url: URL): Response {
  if (url.pathname.endsWith('/log/lines')) {
    const body = LINES.map((line) => `${line}\n`).join('')
    const headers = { 'X-Log-First-Line': '1', 'X-Log-Line-Count': '12', 'X-Log-First-Byte': '0', 'X-Log-Bytes': String(body.length), 'X-Log-Lines': '12', 'X-Log-Truncated-Lines': '0' }
    return new Response(body, { headers })
  }
  if (url.pathname.endsWith('/log/marks')) return json(MARKS)
  if (url.pathname.endsWith('/log/times')) return json({ marks: [{ line: 1, at_ms: 1000 }, { line: 3, at_ms: 1250 }] })
  if (url.searchParams.get('q') === '(') return json({ code: 'search_pattern_invalid', status: 422, params: { problem: 'missing )' } }, 422)
  const found = LINES.flatMap((line, i) => (line.includes(url.searchParams.get('q') ?? '') ? [{ line, number: i + 1 }] : []))
  const hits = found.map(({ line, number }) => ({ type: 'match', line: number, byte: number, start: 0, end: 1, text: line, text_start: 0 }))
  return new Response([...hits, { type: 'end', matches: hits.length, truncated: false, next_byte: 500, next_line: 13 }].map((one) => `${JSON.stringify(one)}\n`).join(''))
}

let viewer: VueWrapper | null = null

async function settle(ms = 600): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await flushPromises()
}

async function open(): Promise<VueWrapper> {
  server.answer = answer
  viewer = mount(LogViewer, {
    attachTo: document.body,
    props: { target: targetRead({ state: 'succeeded', log_lines: 12 }) },
    global: {
      plugins: [createVuetify({ components }), createI18n({ legacy: false, locale: 'ja', messages: { ja: { ...shared, ...messages } } })],
      provide: { [streamKey as symbol]: { state: ref('ready'), subscribeLog: () => () => {} } },
    },
  })
  await settle()
  return viewer
}

const shownLines = (wrapper: VueWrapper): string[] => wrapper.findAll('[data-line]').map((row) => row.attributes('data-line') ?? '')
const lineText = (wrapper: VueWrapper, line: number): string => wrapper.get(`[data-line="${line}"]`).text()
const press = (wrapper: VueWrapper, key: string): Promise<void> => wrapper.get('[role="log"]').trigger('keydown', { key })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'requestAnimationFrame', 'cancelAnimationFrame', 'Date'] })
  localStorage.clear()
  // jsdom は描かない
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null)
})
afterEach(() => {
  viewer?.unmount()
  vi.useRealTimers()
})

describe('ログの画面', () => {
  it('区切りは題で見せ、初めから畳む印のものを畳み、押せば開く', async () => {
    const wrapper = await open()
    expect(shownLines(wrapper)).toEqual(['1', '2', '3', '4', '5', '6', '10', '11', '12'])
    expect(wrapper.text()).not.toMatch(/::group|section_start/)
    expect(lineText(wrapper, 2)).toContain('Install')
    const head = wrapper.get('[data-line="6"] button')
    expect([head.attributes('aria-expanded'), head.text()]).toEqual(['false', expect.stringContaining('42 秒')])
    await head.trigger('click')
    await settle()
    expect(shownLines(wrapper)).toContain('8')
    await wrapper.get('[data-line="2"] button').trigger('click')
    await settle()
    expect(shownLines(wrapper)).not.toContain('3')
  })

  it('注釈は言葉と色で分かる', async () => {
    const wrapper = await open()
    expect(lineText(wrapper, 10)).toMatch(/エラー.*a\.sh:3.*disk is full/)
    expect(wrapper.get('[data-line="10"]').classes()).toContain('log-row--error')
    expect(wrapper.find('.log-overview').exists()).toBe(true)
  })

  it('検索は、畳んだ中の行も開いて見せ、見つかった数を読み上げる', async () => {
    const wrapper = await open()
    await press(wrapper, '/')
    await settle()
    await wrapper.get('.log-search__input').setValue('needle')
    await settle(1000)
    await press(wrapper, 'n')
    await settle()
    expect(wrapper.get('[data-line="8"]').classes()).toContain('log-row--current')
    expect(wrapper.findAll('mark').map((mark) => mark.text())).toEqual(['needle', 'needle'])
    expect(wrapper.get('.log-viewer__said').text()).toContain('2 行のうち 1 番目')
    await press(wrapper, 'n')
    await settle()
    expect(wrapper.get('[data-line="11"]').classes()).toContain('log-row--current')
  })

  it('書き方の誤りは、検索の欄で言う', async () => {
    const wrapper = await open()
    await press(wrapper, '/')
    await settle()
    await wrapper.get('.log-search__input').setValue('(')
    await settle(1000)
    expect(wrapper.get('[role="alert"]').text()).toContain('missing )')
  })

  it('時刻の見せ方を選べて、次に開いたときも同じ', async () => {
    const wrapper = await open()
    await wrapper.get('.log-toolbar__times').setValue('delta')
    await settle(1000)
    expect([1, 2, 3, 4].map((line) => wrapper.get(`[data-line="${line}"] .log-row__time`).text())).toEqual(['+0.000', '+0.000', '+0.250', '+0.000'])
    wrapper.unmount()
    const again = await open()
    await settle(1000)
    expect(again.get('[data-line="3"] .log-row__time').text()).toBe('+0.250')
  })
})
