// Import this file first: without a listener, process 1 of a container ignores signals, and other processes die before their children.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** @import { ChildProcess, SpawnOptions } from 'node:child_process' */

/** Milliseconds; longer than the 30 s in which `npm start` stops. */
const grace = 35_000
const pollInterval = 50

/** Each child leads a process group. @type {Set<ChildProcess>} */
const children = new Set()
let stopping = false

// `watchParents` sends SIGHUP when npm has ended.
for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP']))
  process.on(signal, () => void stop(signal))

/** Ignores a second signal: after Ctrl-C, one comes from the terminal and one from npm. @param {'SIGTERM' | 'SIGINT' | 'SIGHUP'} signal */
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

/** @param {number} group @param {NodeJS.Signals | 0} signal 0 only tests the group @returns {boolean} whether the group has a process */
function signalGroup(group, signal) {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

/**
 * Starts a Node script, which a stop signal to this process ends, too.
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
 * Runs a Node script to its end. The promise stays pending if this process is stopped.
 * @param {string} script @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, quiet?: boolean }} [options] `quiet`: collect the output instead of showing it
 * @returns {Promise<{ code: number | null, output: string }>} the exit code, which is null if a signal ended the script
 */
export function runScriptToEnd(script, args, { env = process.env, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const out = quiet ? 'pipe' : 'inherit'
    const child = startScript(script, args, { env, stdio: ['ignore', out, out] })
    let output = ''
    child.stdout?.on('data', (chunk) => (output += chunk))
    child.stderr?.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      // Otherwise the caller would start its next step.
      if (!stopping) resolve({ code, output })
    })
  })
}
