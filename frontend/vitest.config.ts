import { defineConfig, mergeConfig } from 'vitest/config'

import viteConfig from './vite.config.ts'

export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      environment: 'jsdom',
      include: ['src/**/*.test.ts', 'tests/unit/**/*.test.ts'],
      setupFiles: ['./tests/setup.ts'],
      server: { deps: { inline: ['vuetify'] } },
      restoreMocks: true,
      maxWorkers: 2,
    },
  }),
)
