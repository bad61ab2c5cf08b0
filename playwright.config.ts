import { fileURLToPath } from 'node:url'
import { defineConfig, devices } from 'playwright/test'

/** Chromium as root needs no sandbox; the rest keeps it from calling home. */
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
  // Absolute, because the configuration of the screenshots, in another folder, takes it over.
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
    // Recording every step of every test costs a quarter of the time.
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
      // The ways through the house; what is about details sets the sizes that it is about.
      testMatch: '**/{main-journey,without-javascript}.spec.ts',
      use: { ...devices['Pixel 7'], channel: undefined },
    },
    {
      // What takes long and rarely tells anything new; not a part of `npm test`.
      name: 'slow',
      testMatch: '**/*.slow.spec.ts',
      use: { ...devices['Desktop Chrome'], channel: undefined },
    },
  ],
})
