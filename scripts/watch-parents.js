// Stops an npm script whose parent ended without forwarding a signal.
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Milliseconds. */
const interval = 1_000

/** A shell that waits for a foreground command: `sh -c 'npm start'`. With a script file, it may run it in the background. */
const shell = /^(?:sh|ash|dash|bash|ksh|zsh)$/
/** Text after `-c` with which a command outlives its shell: a single `&`, or a command such as `nohup`. */
const detaches = /(?<![&<>])&(?![&>])|\b(?:nohup|setsid|disown|coproc|source)\b|(?:^|[;\s])\.\s/

/**
 * Reads a process from `/proc`.
 *
 * @param {number} pid
 * @returns {{ parent: number, command: string[] } | undefined} undefined if there is no such process or no `/proc`
 */
function readProcess(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Skip the name: it is in parentheses and may contain any character.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }
  } catch {
    return undefined
  }
}

/** Whether a process is a shell that only waits for a foreground command. @param {string[]} command its arguments */
export function isWaitingShell([program = '', option = '', text = '']) {
  return shell.test(path.basename(program)) && /^-[a-z]*c$/.test(option) && !detaches.test(text)
}

/**
 * Lists the parents that only wait for this process: npm (or another runner of package.json's scripts), and the shells around
 * it. Other parents must not be watched: a service in the background of a shell, under `nohup`, or of a process manager must
 * survive the end of its parent.
 *
 * @param {string} name the npm script
 * @returns {{ child: number, parent: number }[]} each child with its current parent
 */
function waitingParents(name) {
  const { npm_lifecycle_script: npmRuns = '', NODE_RUN_SCRIPT_NAME: nodeRuns } = process.env
  // Child processes inherit these variables: they may name another script.
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
 * Sends SIGHUP to this process once a parent that waits for it ended. Otherwise nothing could stop it, and the next start
 * would find its port in use.
 *
 * @param {string} name the npm script
 */
export function watchParents(name) {
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
