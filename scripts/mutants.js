// `npm run mutants`: takes each guard of `e2e/guards/` away, one at a time, and sees to it that a test turns red.
//
//   --sample          the few that `npm test` tries
//   --report=<file>   writes the counts there, as JSON
//   --write           writes the table to docs/guards.md; for a run of the whole list
//   <words>           only the guards whose name or file contains one of them
//
// Works on copies of the tree in a temporary directory; the tree itself is only read. Ends with `N passed, N failed`.
import { fork } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { guards } from '../e2e/guards/guards.js'
import { generate } from './build.js'
import { editsOf, judge, patternOf, placesOf, staleness } from './mutants/judge.js'
import { writeTable } from './mutants/table.js'

/** @import { Guard } from '../e2e/guards/guards.js' */
/** @import { Verdict } from './mutants/judge.js' */
/** @import { Order, Outcome } from './mutants/runner.js' */
/** @import { ChildProcess } from 'node:child_process' */
/** @typedef {ReturnType<typeof openCopy>} Copy */

const flags = process.argv.slice(2).filter((word) => word.startsWith('--'))
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const chosen = guards.filter(
  (guard) =>
    (!flags.includes('--sample') || guard.sample === true) &&
    (words.length === 0 || words.some((word) => `${guard.guard} ${guard.file}`.includes(word))),
)

/** Milliseconds after which a test run that does not end is stopped: it proves nothing. */
const patience = 240_000

/** Neither part of what is tested nor small. */
const uncopied = new Set(['.git', '.next', '.data', 'dist', 'node_modules', 'test-results', 'screenshots'])

const place = mkdtempSync(path.join(tmpdir(), 'rekey-mutants-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** @param {number} number */
function copyTree(number) {
  const copy = path.join(place, String(number))
  cpSync('.', copy, {
    recursive: true,
    filter: (from) => !uncopied.has(from) && !from.endsWith('.tsbuildinfo'),
  })
  symlinkSync(path.resolve('node_modules'), path.join(copy, 'node_modules'))
  return copy
}

/** A copy of the tree, and the process that runs tests in it. @param {number} number */
function openCopy(number) {
  const root = copyTree(number)
  /** @type {Promise<ChildProcess> | undefined} */
  let runner

  function start() {
    const child = fork(path.join(root, 'scripts/mutants/runner.js'), { cwd: root, stdio: 'ignore' })
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve(child))
      child.once('exit', () => reject(new Error('Vitest does not start.')))
    })
  }

  /**
   * Runs a test file. What does not end is stopped: it proves nothing.
   *
   * @param {Order} order
   * @returns {Promise<Outcome>}
   */
  async function run(order) {
    const child = await (runner ??= start())
    const outcome = await new Promise((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), patience)
      const end = (/** @type {Outcome} */ outcome) => {
        clearTimeout(timer)
        child.removeAllListeners()
        resolve(outcome)
      }
      child.once('message', end)
      child.once('exit', () => end({ passed: [], failed: [], unloaded: 'the run did not end' }))
      child.send(order)
    })
    if (child.exitCode !== null || child.signalCode !== null) runner = undefined
    return outcome
  }

  return { root, run }
}

/**
 * Works on all items, each copy of the tree on one at a time.
 *
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item, copy: Copy) => Promise<void>} work
 */
async function share(items, work) {
  const waiting = [...items]
  await Promise.all(
    copies.map(async (copy) => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item, copy)
    }),
  )
}

/**
 * A test that is red anyway proves nothing. What is red under load alone gets a second chance.
 *
 * @param {string} file
 * @param {Copy} copy
 * @returns {Promise<string | undefined>} why the file proves nothing on the tree as it is
 */
async function redAnyway(file, copy, chances = 2) {
  const of = chosen.filter(({ test }) => test === file)
  const { passed, failed, unloaded } = await copy.run({ file, pattern: patternOf(of), changed: [] })
  const why = failed[0] ?? (unloaded || undefined) ?? (passed.length === 0 ? 'no test ran' : undefined)
  if (why !== undefined) return chances > 1 ? redAnyway(file, copy, chances - 1) : why
  const unmatched = of.find(({ named }) => named && !passed.some((name) => name.includes(named)))
  return unmatched && `no test is named "${unmatched.named}"`
}

/**
 * Files that were put back after the last run in a copy, and that it must read again.
 *
 * @type {Map<string, string[]>}
 */
const lastChanged = new Map()

/**
 * @param {Guard} guard
 * @param {Copy} copy
 * @returns {Promise<Verdict>}
 */
async function tryWithout(guard, { root, run }) {
  /** @type {Map<string, string>} */
  const originals = new Map()
  for (const edit of editsOf(guard)) {
    const at = path.join(root, placesOf(edit, root)[0] ?? edit.file)
    const text = readFileSync(at, 'utf8')
    if (!originals.has(at)) originals.set(at, text)
    writeFileSync(
      at,
      text.replace(edit.find, () => edit.replace),
    )
  }
  const changed = [...(lastChanged.get(root) ?? []), ...originals.keys()]
  lastChanged.set(root, [...originals.keys()])
  try {
    return judge(await run({ file: guard.test, pattern: patternOf([guard]), changed }))
  } finally {
    for (const [at, text] of originals) writeFileSync(at, text)
  }
}

/** @param {number} passed @param {string[]} failures @returns {never} */
function end(passed, failures) {
  const failed = failures.length
  const report = flags.find((flag) => flag.startsWith('--report='))?.slice('--report='.length)
  if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed, failures }))
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exit(failed > 0 ? 1 : 0)
}

const stale = guards.flatMap(staleness)
for (const problem of stale) console.error(problem)
if (stale.length > 0) end(0, stale)
if (chosen.length === 0) end(0, ['No guard of that name.'])

if (!existsSync('prisma/client')) await generate()
const copies = Array.from({ length: Math.min(availableParallelism(), 4, chosen.length) }, (_, i) =>
  openCopy(i),
)
/** @type {Map<string, string | undefined>} */
const red = new Map()
await share([...new Set(chosen.map(({ test }) => test))], async (file, copy) => {
  red.set(file, await redAnyway(file, copy))
})

/** @type {Map<Guard, Verdict>} */
const verdicts = new Map()
await share(chosen, async (guard, copy) => {
  const why = red.get(guard.test)
  const verdict =
    why === undefined ? await tryWithout(guard, copy) : { killed: false, why: `RED ANYWAY: ${why}` }
  verdicts.set(guard, verdict)
  const told = verdict.killed ? `killed by: ${verdict.by}` : verdict.why
  console.log(`${verdict.killed ? '✓' : '✗'} ${guard.guard} (${guard.file})\n    ${told}`)
})

// Put back, it must be green again: otherwise something of one attempt was left for the next.
/** @type {string[]} */
const left = []
await Promise.all(
  copies.map(async ({ root, run }) => {
    const last = chosen.findLast(({ test }) => red.get(test) === undefined)
    if (last === undefined) return
    const changed = lastChanged.get(root) ?? []
    const { failed } = await run({ file: last.test, pattern: patternOf([last]), changed })
    for (const name of failed) left.push(`${last.test}: stays red with all guards back: ${name}`)
  }),
)

for (const problem of left) console.error(problem)

const killed = [...verdicts.values()].filter(({ killed }) => killed).length
if (flags.includes('--write')) await writeTable(chosen.map((guard) => [guard, verdicts.get(guard)]))
const survivors = [...verdicts].flatMap(([{ guard, file }, verdict]) =>
  verdict.killed ? [] : [`${guard} (${file})\n${verdict.why}`],
)
end(killed, [...survivors, ...left])
