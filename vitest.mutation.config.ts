import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** The unit tests for `npm run mutation`. */
export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: {
    include: ['{emails,lib,server}/**/*.test.ts'],
    exclude: ['**/*.db.test.ts', '**/node_modules/**'],
    testTimeout: 60_000,
  },
})
