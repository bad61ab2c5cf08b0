// For one file: `npm run mutation -- --mutate lib/password-reset/reset-link.ts`
/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
const config = {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  coverageAnalysis: 'perTest',
  incremental: true,
  // A mutant of code that runs when a module is loaded needs all tests, which takes long.
  ignoreStatic: true,
  concurrency: 2,
  reporters: ['clear-text', 'progress', 'html'],
  ignorePatterns: ['.next', 'dist', '.data', 'test-results'],
  mutate: [
    'lib/{addresses,config,passwords,text}/**/*.ts',
    'lib/http/{body/*,cors,error-codes,form-errors,link-repair,request-schemas}.ts',
    'lib/password-reset/{reset-link,verify-link}.ts',
    'emails/{shown-username,untrusted-text}.ts',
    'server/http/{fair-queue,request-headers}.ts',
    '!**/*.test.ts',
    '!**/*.d.ts',
  ],
}

export default config
