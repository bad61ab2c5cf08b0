import { defineConfig } from 'playwright/test'
import tests from '@/playwright.config'

/** What `npm run screenshots` runs: pictures to look at, which no test run takes. */
export default defineConfig({
  ...tests,
  testDir: '.',
  testMatch: 'screenshots.ts',
  outputDir: '../../test-results/screenshots',
  fullyParallel: true,
  timeout: 900_000,
  reporter: 'list',
  use: { ...tests.use, trace: 'off' },
  projects: [{}],
})
