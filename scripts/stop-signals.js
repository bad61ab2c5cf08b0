// Stops an npm script in order from its first moment on. Imported before anything else: process 1 of a container ignores
// a signal that it has no listener for, and a child process would outlive a parent that a signal ends.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** @import { ChildProcess, SpawnOptions } from 'node:child_process' */

/** Milliseconds that child processes have to end after the signal; above the longest drain of a service. */
const grace = 35_000
const pollInterval = 50

/** Running child processes. Each leads a process group of its own, which holds everything that it starts. @type {Set<ChildProcess>} */
const children = new Set()
let stopping = false

// SIGHUP: the terminal is closed, or `watchOwner` saw that npm is gone.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP']))
  process.on(signal, () => void stop(signal))

/**
 * Ends the child processes and all that they started, then this process, with the exit code that shells use. A second
 * signal changes nothing: after Ctrl-C, the first comes from the terminal and the second from npm.
 *
 * @param {'SIGTERM' | 'SIGINT' | 'SIGHUP'} signal
 */
async function stop(signal) {
  if (stopping) return
  stopping = true
  const groups = [...children].flatMap(({ pid }) => pid ?? [])
  const deadline = Date.now() + grace
  let left = groups.filter((group) => tell(group, 'SIGTERM'))
  while (left.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, pollInterval))
    left = left.filter((group) => tell(group, Date.now() < deadline ? 0 : 'SIGKILL'))
  }
  process.exit(128 + constants.signals[signal])
}

/**
 * Sends a signal to a process group; 0 only looks whether there is one.
 *
 * @param {number} group @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether a process of it is left
 */
function tell(group, signal) {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

/**
 * Starts a script of Node's as a child process that a stop signal to this process ends as well.
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
 * Runs a script of Node's to its end; stop signals to this process end it and whatever it started.
 *
 * @param {string} script @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] `quiet`: output is collected instead of shown
 * @returns {Promise<{ code: number | null, output: string }>} the code is null where a signal ended it
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
      // While the script is being stopped, nothing that follows may start.
      if (!stopping) resolve({ code, output })
    })
  })
}
