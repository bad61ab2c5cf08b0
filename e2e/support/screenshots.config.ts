import { defineConfig } from 'playwright/test'
import tests from '@/playwright.config'

/** For `npm run screenshots`. */
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
