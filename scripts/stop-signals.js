// Stops an npm script and its child processes on signals. Import it first: without a listener, process 1 of a container ignores
// signals, and any other process dies at once, so that its child processes outlive it.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** @import { ChildProcess, SpawnOptions } from 'node:child_process' */

/** Milliseconds that child processes have to end after the signal. Longer than the 30 s in which `npm start` stops. */
const grace = 35_000
const pollInterval = 50

/** Running child processes. Each one leads a process group that contains all of its descendants. @type {Set<ChildProcess>} */
const children = new Set()
let stopping = false

// SIGHUP comes when the terminal is closed, and from `watchParents` when npm has ended.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP']))
  process.on(signal, () => void stop(signal))

/**
 * Ends the child processes and their descendants, then this process, with the exit code of shells (128 + signal). Ignores a
 * second signal: after Ctrl-C, the first one comes from the terminal and the second one from npm.
 *
 * @param {'SIGTERM' | 'SIGINT' | 'SIGHUP'} signal
 */
async function stop(signal) {
  if (stopping) return
  stopping = true
  const groups = [...children].flatMap(({ pid }) => pid ?? [])
  const deadline = Date.now() + grace
  let left = groups.filter((group) => signalGroup(group, 'SIGTERM'))
  while (left.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, pollInterval))
    left = left.filter((group) => signalGroup(group, Date.now() < deadline ? 0 : 'SIGKILL'))
  }
  process.exit(128 + constants.signals[signal])
}

/**
 * Sends a signal to a process group; 0 only tests whether it exists.
 *
 * @param {number} group @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether the group still has a process
 */
function signalGroup(group, signal) {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

/**
 * Starts a Node script as a child process; a stop signal to this process ends the script, too.
 *
 * @param {string} script @param {string[]} args @param {Pick<SpawnOptions, 'env' | 'stdio'>} options
 */
export function startScript(script, args, options) {
  const child = spawn(process.execPath, [script, ...args], { ...options, detached: true })
  children.add(child)
  child.once('close', () => {
    if (!stopping) children.delete(child)
  })
  return child
}

/**
 * Runs a Node script to its end; a stop signal to this process ends the script and its descendants. Then the promise never
 * resolves, because this process ends.
 *
 * @param {string} script @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] `quiet`: collect the output instead of showing it
 * @returns {Promise<{ code: number | null, output: string }>} the exit code, which is null if a signal ended the script
 */
export function runScript(script, args, { env = process.env, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const out = quiet ? 'pipe' : 'inherit'
    const child = startScript(script, args, { env, stdio: ['ignore', out, out] })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      // Do not resolve during a stop: the caller would start its next step.
      if (!stopping) resolve({ code, output })
    })
  })
}
