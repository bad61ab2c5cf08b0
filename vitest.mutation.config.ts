import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** For `npm run mutation`, which takes a configuration of one project: the unit tests. */
export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: {
    include: ['{emails,lib,server}/**/*.test.ts'],
    exclude: ['**/*.db.test.ts', '**/node_modules/**'],
    testTimeout: 60_000,
  },
})
