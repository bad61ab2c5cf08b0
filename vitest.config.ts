import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const sources = '{app,bench,client,components,emails,lib,messages,prisma,scripts,server}'
const databaseTemplate = 'e2e/support/database-template.ts'

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // Long enough for a busy machine; a poll ends as soon as it succeeds.
    expect: { poll: { timeout: 20_000 } },
    // Tests that depend on timeouts of connections may fail if the machine of CI is slow for a moment.
    retry: process.env.CI ? 1 : 0,
    projects: [
      {
        extends: true,
        // Without isolation, test files share processes and modules, which saves time.
        test: {
          name: 'unit',
          isolate: false,
          include: [`${sources}/**/*.test.{ts,tsx}`, '*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.{db,slow}.test.ts'],
          retry: 0,
        },
      },
      {
        extends: true,
        test: { name: 'database', include: [`${sources}/**/*.db.test.ts`], globalSetup: databaseTemplate },
      },
      {
        extends: true,
        test: {
          name: 'app',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', 'e2e/timing/**', 'e2e/peers/**'],
          globalSetup: databaseTemplate,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: [`{e2e,${sources.slice(1)}/**/*.slow.test.ts`],
          globalSetup: databaseTemplate,
        },
      },
      {
        extends: true,
        // One file at a time, because these tests compare times.
        test: {
          name: 'timing',
          include: ['e2e/timing/*.test.ts'],
          testTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // Other products verify the passwords that Rekey wrote.
        test: {
          name: 'peers',
          include: ['e2e/peers/*.test.ts'],
          globalSetup: 'e2e/peers/install-packages.ts',
        },
      },
    ],
  },
})
