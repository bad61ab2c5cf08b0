// What the reports of the test runners say: counts, and the names of what failed.

/** @typedef {{ passed: number, failed: number, failures: string[] }} Result */

/** Reads Vitest's JSON report. @param {any} report @returns {Result} */
export function readVitest(report) {
  /** @type {string[]} */
  const failures = []
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter((/** @type {any} */ test) => test.status === 'failed')
    for (const test of failed)
      failures.push(`${file.name}: ${test.fullName}\n${test.failureMessages[0] ?? ''}`)
    // A file that does not load, or whose set-up throws, fails without a failed test.
    if (file.status === 'failed' && failed.length === 0) failures.push(`${file.name}\n${file.message}`)
  }
  return { passed: report.numPassedTests, failed: report.numFailedTests, failures }
}

/** Reads Playwright's JSON report. @param {any} report @returns {Result} */
export function readPlaywright({ stats, suites, errors }) {
  /** @type {string[]} */
  const failures = errors.map((/** @type {any} */ error) => error.message)
  /** @param {any} suite */
  const visit = (suite) => {
    for (const spec of suite.specs ?? []) {
      if (spec.ok) continue
      const [result] = spec.tests[0]?.results ?? []
      failures.push(`${spec.file}:${spec.line}: ${spec.title}\n${result?.error?.message ?? ''}`)
    }
    for (const inner of suite.suites ?? []) visit(inner)
  }
  for (const suite of suites) visit(suite)
  return { passed: stats.expected + stats.flaky, failed: stats.unexpected, failures }
}
