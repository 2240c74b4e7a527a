import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import { createVuetify } from 'vuetify'
import * as components from 'vuetify/components'

import messages from '../locales/ja.json'
import LogGapNotice from './LogGapNotice.vue'

function text(first_line: number, last_line: number): string {
  const i18n = createI18n({ legacy: false, locale: 'ja', messages: { ja: messages } })
  const plugins = [createVuetify({ components }), i18n]
  return mount(LogGapNotice, { props: { gap: { first_line, last_line, bytes: 3_200_000_000 } }, global: { plugins } }).text()
}

describe('省いた真ん中の知らせ', () => {
  it('どれだけ、どの行がないかと、次にどうするかを言う', () => {
    expect(text(1234, 56_789)).toBe(
      'ログがジョブの上限より大きくなったため、真ん中の 3.2 GB(1,234 行目から 56,789 行目)は残っていません。次から全部残すには、ジョブの「ログの上限」を上げてください。',
    )
  })

  it('丸ごとない行がなければ、行は言わない', () => {
    expect(text(2, 1)).not.toContain('行目')
  })
})
