import { fileURLToPath } from 'node:url'
import { defineConfig, devices } from 'playwright/test'

/** Arguments of Chromium. As root it does not start with its sandbox. The other arguments stop its own requests to the internet. */
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
  // Absolute, because the configuration of the screenshots, in another folder, uses this setting, too.
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
    // A trace of every test would make the tests a quarter slower.
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
      // The journeys of visitors only. Tests of layout set the sizes of the window themselves.
      testMatch: '**/{main-journey,without-javascript}.spec.ts',
      use: { ...devices['Pixel 7'], channel: undefined },
    },
    {
      // Tests that take long and rarely fail. `npm test` does not run them.
      name: 'slow',
      testMatch: '**/*.slow.spec.ts',
      use: { ...devices['Desktop Chrome'], channel: undefined },
    },
  ],
})
