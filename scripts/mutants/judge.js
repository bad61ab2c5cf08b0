// What a guard of the list is, and what a test run says about it.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** @import { Edit, Guard } from '../../e2e/guards/guards.js' */
/** @import { Outcome } from './runner.js' */
/** @typedef {{ killed: true, by: string } | { killed: false, why: string }} Verdict */

/**
 * All that is changed to take a guard away; more than one place where a second line of defence stands behind the first.
 *
 * @param {Guard} guard
 * @returns {Edit[]}
 */
export function editsOf({ file, find, replace, also = [] }) {
  return [{ file, find, replace }, ...also.map((edit) => ({ file, ...edit }))]
}

/**
 * The files that an entry means: one, or those of a room.
 *
 * @param {string} file
 * @param {string} [root]
 * @returns {string[]} relative to `root`
 */
export function filesOf(file, root = '.') {
  const at = path.join(root, file)
  if (statSync(at, { throwIfNoEntry: false })?.isFile()) return [file]
  const inside = existsSync(at) ? readdirSync(at, { recursive: true, encoding: 'utf8' }) : []
  return [`${file}.ts`, ...inside.map((name) => path.join(file, name))].filter(
    (name) => /(?<!\.test)\.tsx?$/.test(name) && existsSync(path.join(root, name)),
  )
}

/**
 * Where the text of an edit stands.
 *
 * @param {Edit} edit
 * @param {string} [root]
 * @returns {string[]} a file for each time
 */
export function placesOf({ file, find }, root = '.') {
  return filesOf(file, root).flatMap((name) =>
    Array(readFileSync(path.join(root, name), 'utf8').split(find).length - 1).fill(name),
  )
}

/**
 * Why an entry no longer fits the code: what it looks for must stand there exactly once, so that the change made is the
 * change meant.
 *
 * @param {Guard} guard
 * @returns {string[]}
 */
export function staleness(guard) {
  return editsOf(guard).flatMap((edit) => {
    const times = placesOf(edit).length
    const problems = []
    if (times !== 1) problems.push(`"${guard.guard}": stands ${times} times in ${edit.file}: ${edit.find}`)
    if (edit.find === edit.replace) problems.push(`"${guard.guard}": changes nothing in ${edit.file}`)
    return problems
  })
}

/** Tests that measure time: on a busy machine they are red without a reason, and would seem to miss a guard. */
const measuring = /\b(no time|takes long|at once|within a second|stays (flat|bounded)|less than|deadline)\b/

/**
 * The names to run, as Vitest wants them: where one of the entries asks for the whole file, all but those that measure.
 *
 * @param {Pick<Guard, 'named'>[]} of
 */
export function patternOf(of) {
  const names = of.flatMap(({ named }) => (named === undefined ? [] : [named]))
  if (names.length < of.length) return `^(?!.*${measuring.source})`
  return [...new Set(names)].map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
}

/**
 * Only a test that ran and failed counts: a file that cannot be loaded any more says nothing about the guard.
 *
 * @param {Outcome} outcome
 * @returns {Verdict}
 */
export function judge({ passed, failed, unloaded }) {
  const [by] = failed
  if (by !== undefined) return { killed: true, by }
  if (unloaded || passed.length === 0) {
    return { killed: false, why: `NO TEST RAN: ${(unloaded || 'none was found').split('\n', 1)[0]}` }
  }
  return { killed: false, why: `SURVIVED ${passed.length} tests` }
}
