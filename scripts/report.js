/** @typedef {{ passed: number, failed: number, failures: string[] }} Result */

/** @param {any} report Vitest's JSON, of which only `testResults` is needed @returns {Result} */
export function parseVitestReport({ testResults }) {
  /** @type {string[]} */
  const failures = []
  const count = { passed: 0, failed: 0 }
  for (const file of testResults) {
    /** @param {string} status */
    const withStatus = (status) =>
      file.assertionResults.filter((/** @type {any} */ test) => test.status === status)
    const failed = withStatus('failed')
    count.passed += withStatus('passed').length
    count.failed += failed.length
    for (const test of failed)
      failures.push(`${file.name}: ${test.fullName}\n${test.failureMessages[0] ?? ''}`)
    // A file that does not load fails without a failed test.
    if (file.status === 'failed' && failed.length === 0) failures.push(`${file.name}\n${file.message}`)
  }
  return { ...count, failures }
}

/** @param {any} report Playwright's JSON @returns {Result} */
export function parsePlaywrightReport({ stats, suites, errors }) {
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

/** Formats the messages, then one line for each failure. @param {string[]} failures the name of a test, then its message on new lines */
export function formatFailures(failures) {
  const details = failures.map((failure) =>
    failure.length > 3000 ? `${failure.slice(0, 1500)}\n…\n${failure.slice(-1500)}` : failure,
  )
  const lines = failures.map((failure) => {
    const [name, ...message] = failure.split('\n')
    return `${name}: ${message.join(' ').replace(/\s+/g, ' ').slice(0, 200)}`
  })
  return `\n── what failed\n\n${details.join('\n\n')}\n\n── in short\n\n${lines.join('\n')}`
}
