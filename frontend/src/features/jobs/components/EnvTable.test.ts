import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import { createI18n } from 'vue-i18n'
import { createVuetify } from 'vuetify'
import * as components from 'vuetify/components'

import { newEnvRow, type EnvRow } from '../composables/envRows'
import messages from '../locales/ja.json'
import EnvTable from './EnvTable.vue'

function show(rows: EnvRow[], serverErrors: Record<string, string> = {}) {
  const wrapper = mount(EnvTable, {
    props: {
      modelValue: rows,
      serverErrors,
      'onUpdate:modelValue': (next: EnvRow[]) => void wrapper.setProps({ modelValue: next }),
    },
    global: { plugins: [createVuetify({ components }), createI18n({ legacy: false, locale: 'ja', messages: { ja: messages } })] },
  })
  return wrapper
}

describe('環境変数の表', () => {
  it('打った名前の誤りをその場で言い、直すと消える', async () => {
    const wrapper = show([newEnvRow('A', '1')])
    expect(wrapper.text()).not.toContain('予約されています')
    await wrapper.get('input').setValue('TSUBAME_X')
    expect(wrapper.text()).toContain('TSUBAME_ で始まる名前は予約されています')
    await wrapper.get('input').setValue('OK')
    expect(wrapper.text()).not.toContain('予約されています')
  })

  it('間の行を消すと、残りの行の値はそのまま残る', async () => {
    const wrapper = show([newEnvRow('A', '1'), newEnvRow('B', '2'), newEnvRow('C', '3')])
    await wrapper.get('button[aria-label="2 行目を削除"]').trigger('click')
    await nextTick()
    expect(wrapper.findAll('input').map((input) => input.element.value)).toEqual(['A', '1', 'C', '3'])
  })

  it('サーバが断った変数に、その文を出す', () => {
    expect(show([newEnvRow('BIG', 'x')], { BIG: '値が大きすぎます' }).text()).toContain('値が大きすぎます')
  })
})
