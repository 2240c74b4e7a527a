import js from '@eslint/js'
import vueI18n from '@intlify/eslint-plugin-vue-i18n'
import vue from 'eslint-plugin-vue'
import globals from 'globals'
import ts from 'typescript-eslint'

// 壁(layout.md)。破ると落ちるので、読む人は階の名前だけを信じてよい
const roomDoor = {
  group: ['@/features/*/*', '../../*/**/features/*', '**/features/*/*'],
  message: '部屋の中は、戸口(@/features/<room>)からだけ見る。',
}
const noClient = {
  group: ['@/api/client', '@/api/generated', '@/api/generated/*', '@/api/token'],
  allowTypeImports: true,
  message: 'API を呼ぶのは features/*/api.ts だけ。画面は型だけを使う。',
}
const noRooms = { group: ['@/features/*', '@/features/*/**'], message: 'shared と api は部屋を知らない。' }
const noApp = { group: ['@/app/*', '@/app/**'], message: '下の階は app を知らない。' }

const walls = (...patterns) => ({
  'no-restricted-imports': 'off',
  '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
})

const code = ['**/*.{ts,js,vue}']
// 種類の名前から作る鍵。文字の通りには現れないので、使われているかを機械では見られない
const builtKeys = [
  'errors',
  'states',
  'reasons',
  'fieldErrors',
  '$vuetify',
  'app.themes',
  'app.roles',
  'app.languages',
  'auth.code',
  'auth.twoFactor',
  'audit.action',
  'audit.fact',
  'audit.outcome',
  'audit.subjectType',
  'credentials.kind',
  'credentials.rule',
  'dashboard.first',
  'dashboard.hours.group',
  'executions.blocked',
  'executions.paused',
  'executions.queue',
  'jobs.policy.onFailures',
  'jobs.policy.retryReason',
  'jobs.policy.whenFullChoice',
  'jobs.rule',
  'permissions.name',
  'permissions.room',
  'permissions.verdict',
  'policies.onFailures',
  'policies.retryOn',
  'policies.whenFull',
  'projects.column',
  'projects.roleText',
  'storage.scope',
  'storage.size',
  'jobs.unit',
  'log.connection',
  'log.help',
  'log.level',
  'log.search',
  'log.times',
  'servers.hostKeyState',
  'servers.option',
  'servers.rule',
  'servers.test.fact',
  'servers.test.factValue',
  'servers.test.step',
  'forms.password.strength',
  'tokens.preset',
  'users.act',
  'users.role',
  'workers.state',
  'workers.stateText',
  'variables.kind',
  'variables.rule',
  'variables.scope',
].map((name) => `/^${name.replaceAll('.', '\\.')}\\./`)

export default ts.config(
  { ignores: ['dist/', 'coverage/', 'src/api/generated/'] },
  vueI18n.configs.base,
  { settings: { 'vue-i18n': { localeDir: './src/**/locales/*.json', messageSyntaxVersion: '^11.0.0' } } },
  {
    files: code,
    extends: [js.configs.recommended, ts.configs.strict, ts.configs.stylistic, vue.configs['flat/recommended']],
  },
  {
    files: code,
    languageOptions: {
      globals: { ...globals.browser },
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.vue'] },
    },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': 'off',
      complexity: ['error', 12],
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-empty-function': 'off',
      'vue/no-v-html': 'error',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/define-macros-order': 'error',
      'vue/require-default-prop': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always' } }],
      'vue/valid-v-slot': ['error', { allowModifiers: true }],
      '@intlify/vue-i18n/no-raw-text': ['error', { ignorePattern: '^[-–—#:/·…()|%,.×→]+$' }],
      '@intlify/vue-i18n/no-missing-keys': 'error',
      '@intlify/vue-i18n/no-dynamic-keys': 'off',
      '@intlify/vue-i18n/no-v-html': 'error',
      '@intlify/vue-i18n/no-deprecated-modulo-syntax': 'error',
    },
  },
  { files: ['src/**/*.{ts,vue}'], rules: walls(roomDoor, noClient) },
  { files: ['src/features/**/api.ts', 'src/app/**/*.ts'], rules: walls(roomDoor) },
  { files: ['src/shared/**/*.{ts,vue}'], rules: walls(noRooms, noApp, noClient) },
  { files: ['src/api/**/*.ts'], rules: walls(noRooms, noApp) },
  {
    files: ['src/**/locales/*.json'],
    rules: {
      'max-lines': 'off',
      '@intlify/vue-i18n/no-unused-keys': ['error', { src: './src', extensions: ['.ts', '.vue'], ignores: builtKeys }],
    },
  },
  { files: ['*.config.{js,ts}', 'tests/**/*.ts', '**/*.test.ts'], languageOptions: { globals: { ...globals.node } } },
  { files: ['**/*.test.ts'], rules: { 'max-lines': ['error', { max: 400 }], '@typescript-eslint/no-non-null-assertion': 'off' } },
)
