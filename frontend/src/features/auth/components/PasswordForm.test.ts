import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import { createVuetify } from 'vuetify'
import * as components from 'vuetify/components'

import messages from '../locales/ja.json'
import PasswordForm from './PasswordForm.vue'

it('パスワードは伏せて打たせ、貼り付けと管理の道具を妨げず、頼まれたときだけ見せる', async () => {
  const wrapper = mount(PasswordForm, {
    props: { saving: false },
    global: { plugins: [createVuetify({ components }), createI18n({ legacy: false, locale: 'ja', messages: { ja: messages } })] },
  })
  const [username, password] = wrapper.findAll('input')
  expect(username?.attributes('autocomplete')).toBe('username')
  expect(password?.attributes()).toMatchObject({ type: 'password', autocomplete: 'current-password' })
  const paste = new Event('paste', { bubbles: true, cancelable: true })
  password?.element.dispatchEvent(paste)
  expect(paste.defaultPrevented).toBe(false)
  await wrapper.get('button[aria-label="パスワードを表示する"]').trigger('click')
  expect(password?.attributes('type')).toBe('text')
})
