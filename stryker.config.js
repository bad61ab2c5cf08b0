/**
 * For `npm run mutation`, which changes the code in small ways and reports each change with which no unit test fails. Changes only modules
 * whose tests need neither database nor network. `npm run mutation -- --mutate lib/password-reset/reset-link.ts` changes one file.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
const config = {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  coverageAnalysis: 'perTest',
  incremental: true,
  // A change of what a module computes when it is loaded needs all tests: with those changes, a run takes hours.
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
