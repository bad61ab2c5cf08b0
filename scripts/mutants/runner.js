// A process of `npm run mutants` for one copy of the tree, in which it runs. Vitest stays loaded, so that a run costs
// its tests and little more. Told by messages what to run; answers each with what became of the tests.
import { createVitest } from 'vitest/node'

/**
 * `changed`: files that are not what they were when a run last read them.
 *
 * @typedef {{ file: string, pattern: string, changed: string[] }} Order
 * @typedef {{ passed: string[], failed: string[], unloaded: string }} Outcome
 */

const vitest = await createVitest({
  project: ['unit'],
  watch: false,
  reporters: [{}],
  bail: 1,
  maxWorkers: 1,
})

/** @param {Order} order @returns {Promise<Outcome>} */
async function run({ file, pattern, changed }) {
  for (const at of changed) vitest.invalidateFile(at)
  vitest.setGlobalTestNamePattern(pattern)
  const isMeant = (/** @type {{ moduleId: string }} */ { moduleId }) => moduleId.endsWith(`/${file}`)
  const specifications = (await vitest.globTestSpecifications([file])).filter(isMeant)
  const ended = await vitest.runTestSpecifications(specifications)
  // It remembers the files of earlier runs as well, and how those ended.
  const testModules = ended.testModules.filter(isMeant)
  const tests = testModules.flatMap((module) => [...module.children.allTests()])
  const named = (/** @type {string} */ wanted) =>
    tests.filter((test) => test.result().state === wanted).map(({ fullName }) => fullName)
  const errors = [
    ...testModules.flatMap((module) => [
      ...module.errors(),
      ...[...module.children.allSuites()].flatMap((suite) => suite.errors()),
    ]),
    ...ended.unhandledErrors,
  ]
  const [error] = errors.map((one) =>
    one instanceof Object && 'message' in one ? String(one.message) : `${one}`,
  )
  return { passed: named('passed'), failed: named('failed'), unloaded: error ?? '' }
}

process.on('message', async (order) => {
  const outcome = await run(/** @type {Order} */ (order)).catch((error) => ({
    passed: [],
    failed: [],
    unloaded: String(error),
  }))
  process.send?.(outcome)
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
