import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          // Some wait for connections to time out; a machine that hesitates must not stop a change.
          retry: process.env.CI ? 1 : 0,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          include: ['{lib,server,emails,components,scripts,app,messages,prisma}/**/*.test.{ts,tsx}'],
        },
      },
      {
        extends: true,
        test: {
          name: 'app',
          retry: process.env.CI ? 1 : 0,
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/**/parity.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // What compares times has the machine to itself.
        test: {
          name: 'timing',
          retry: process.env.CI ? 1 : 0,
          include: ['e2e/**/parity.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
