// Notices that what started an npm script is gone without having passed a signal on.
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Milliseconds. */
const interval = 1_000

/** A shell that waits for a foreground command: `sh -c 'npm start'`. One with a script file may do anything with it. */
const shell = /^(?:sh|ash|dash|bash|ksh|zsh)$/
/** Text after `-c` that lets a command go on without its shell: a single `&`, or a command that says so. */
const letsGo = /(?<![&<>])&(?![&>])|\b(?:nohup|setsid|disown|coproc|source)\b|(?:^|[;\s])\.\s/

/**
 * Reads `/proc`, so it knows nothing on systems without it.
 *
 * @param {number} pid
 * @returns {{ parent: number, command: string[] } | undefined} undefined also where there is no such process
 */
function readProcess(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before it stands in parentheses and may hold any character.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }
  } catch {
    return undefined
  }
}

/** @param {string[]} command the arguments of a process */
export function isWaitingShell([program = '', option = '', text = '']) {
  return shell.test(path.basename(program)) && /^-[a-z]*c$/.test(option) && !letsGo.test(text)
}

/**
 * The processes that wait for this one and are of no use without it: npm (or another runner of package.json's scripts), and
 * the shells around it. Only these are watched. A service in the background of a shell, under `nohup`, or started by a
 * process manager must go on when its parent ends.
 *
 * @param {string} name the npm script
 * @returns {{ child: number, parent: number }[]} each child with the parent that it has now
 */
function waitingParents(name) {
  const { npm_lifecycle_script: npmRuns = '', NODE_RUN_SCRIPT_NAME: nodeRuns } = process.env
  // What npm started hands the variables on to its own child processes: they name other scripts.
  if (!npmRuns.startsWith(`exec node scripts/run.js ${name}`) && nodeRuns !== name) return []
  const links = [{ child: process.pid, parent: process.ppid }]
  for (;;) {
    const { parent: child } = /** @type {{ parent: number }} */ (links.at(-1))
    const parent = readProcess(child)?.parent
    if (parent === undefined || !isWaitingShell(readProcess(parent)?.command ?? [])) return links
    links.push({ child, parent })
  }
}

/**
 * Sends this process SIGHUP once a process that waits for it has ended: nothing is left that could stop it, and the next
 * start would find its port in use.
 *
 * @param {string} name the npm script
 */
export function watchOwner(name) {
  const links = waitingParents(name)
  if (links.length === 0) return
  const timer = setInterval(() => {
    const isKept = links.every(({ child, parent }) =>
      child === process.pid ? process.ppid === parent : readProcess(child)?.parent === parent,
    )
    if (isKept) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGHUP')
  }, interval)
  timer.unref()
}
