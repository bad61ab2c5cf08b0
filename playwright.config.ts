import { fileURLToPath } from 'node:url'
import { defineConfig, devices } from 'playwright/test'

/** As root, Chromium does not start with its sandbox. */
const args = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
]

export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts',
  // Absolute, because a configuration in another folder uses it, too.
  globalSetup: fileURLToPath(new URL('e2e/support/database-template.ts', import.meta.url)),
  outputDir: 'test-results/browser',
  fullyParallel: false,
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  retries: process.env.CI ? 1 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['json']],
  use: {
    launchOptions: {
      args,
      ...(process.env.BROWSER_PATH ? { executablePath: process.env.BROWSER_PATH } : {}),
    },
    // A trace of every test would make the tests slower.
    trace: 'on-first-retry',
  },
  projects: [
    {
      name: 'desktop',
      testIgnore: '**/*.slow.spec.ts',
      use: { ...devices['Desktop Chrome'], channel: undefined },
    },
    {
      name: 'phone',
      // Tests of layout set the size of the window themselves.
      testMatch: '**/{main-journey,without-javascript}.spec.ts',
      use: { ...devices['Pixel 7'], channel: undefined },
    },
    {
      name: 'slow',
      testMatch: '**/*.slow.spec.ts',
      use: { ...devices['Desktop Chrome'], channel: undefined },
    },
  ],
})
