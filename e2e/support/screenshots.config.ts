import { defineConfig } from 'playwright/test'
import tests from '@/playwright.config'

/** For `npm run screenshots`, which takes pictures of pages and emails. No test run takes them. */
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
