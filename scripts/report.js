// What the reports of the test runners say: counts, and the names of what failed.

/** @typedef {{ passed: number, failed: number, failures: string[] }} Result */

/** Reads Vitest's JSON report, or the part of it about some files. @param {any} report @returns {Result} */
export function readVitest({ testResults }) {
  /** @type {string[]} */
  const failures = []
  const count = { passed: 0, failed: 0 }
  for (const file of testResults) {
    /** @param {string} status */
    const those = (status) =>
      file.assertionResults.filter((/** @type {any} */ test) => test.status === status)
    const failed = those('failed')
    count.passed += those('passed').length
    count.failed += failed.length
    for (const test of failed)
      failures.push(`${file.name}: ${test.fullName}\n${test.failureMessages[0] ?? ''}`)
    // A file that does not load, or whose set-up throws, fails without a failed test.
    if (file.status === 'failed' && failed.length === 0) failures.push(`${file.name}\n${file.message}`)
  }
  return { ...count, failures }
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

/**
 * What failed: each with what it said, then each on a line of its own, so that the end of a log names them all.
 * What is said at length is mostly one counterexample: its beginning and its end are enough.
 * @param {string[]} failures a name and, from the second line on, a message
 */
export function summarise(failures) {
  const told = failures.map((failure) =>
    failure.length > 3000 ? `${failure.slice(0, 1500)}\n…\n${failure.slice(-1500)}` : failure,
  )
  const lines = failures.map((failure) => {
    const [name, ...message] = failure.split('\n')
    return `${name}: ${message.join(' ').replace(/\s+/g, ' ').slice(0, 200)}`
  })
  return `\n── what failed\n\n${told.join('\n\n')}\n\n── in short\n\n${lines.join('\n')}`
}
