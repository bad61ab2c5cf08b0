import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const sources = '{app,bench,client,components,emails,lib,messages,prisma,scripts,server}'
/** Makes the database that tests copy. */
const databaseTemplate = 'e2e/support/database-template.ts'

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)) } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // A busy machine needs longer; what comes at once is seen at once all the same.
    expect: { poll: { timeout: 20_000 } },
    // Some wait for connections to time out; a machine that hesitates must not stop a change.
    retry: process.env.CI ? 1 : 0,
    projects: [
      {
        extends: true,
        // Neither database nor network nor build: seconds. The files share a process, and what they import.
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
        // What takes long and rarely tells anything new: real password hashes, all of Unicode, killed processes.
        test: {
          name: 'slow',
          include: [`{e2e,${sources.slice(1)}/**/*.slow.test.ts`],
          globalSetup: databaseTemplate,
        },
      },
      {
        extends: true,
        // What compares times has the machine to itself.
        test: {
          name: 'timing',
          include: ['e2e/timing/*.test.ts'],
          testTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        // Products whose users tables Rekey writes judge what it wrote.
        test: {
          name: 'peers',
          include: ['e2e/peers/*.test.ts'],
          globalSetup: 'e2e/peers/install-packages.ts',
        },
      },
    ],
  },
})
