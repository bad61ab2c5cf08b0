// Stops an npm script whose parent, such as npm, ended without passing on a signal.
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Milliseconds between two checks of the parents. */
const interval = 1_000

/** The names of shells. */
const shell = /^(?:sh|ash|dash|bash|ksh|zsh)$/
/** Matches a text after `-c` whose command may outlive the shell: it has a single `&`, or a command such as `nohup`. */
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
    // Skip the program's name, which is in parentheses and may contain any character.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(parent), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }
  } catch {
    return undefined
  }
}

/**
 * Whether a process is a shell that only waits for a foreground command, such as `sh -c 'npm start'`. A shell that runs a script
 * file is not: it may run commands in the background.
 *
 * @param {string[]} command the name of the program and its arguments
 */
export function isWaitingShell([program = '', option = '', text = '']) {
  return shell.test(path.basename(program)) && /^-[a-z]*c$/.test(option) && !detaches.test(text)
}

/**
 * Lists the processes that only wait for this one: npm, or another program that runs package.json's scripts, and the shells that
 * wait for it. Other parents must not be watched: a service that a shell runs in the background or under `nohup`, or that a
 * process manager runs, must survive the end of its parent.
 *
 * @param {string} name the name of the npm script
 * @returns {{ child: number, parent: number }[]} each child with its current parent
 */
function waitingParents(name) {
  const { npm_lifecycle_script: npmRuns = '', NODE_RUN_SCRIPT_NAME: nodeRuns } = process.env
  // The variables may be inherited, and then name another script.
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
 * Sends SIGHUP to this process when a process that waits for it, such as npm, has ended. Otherwise this process would go on
 * unnoticed, and the next start would find its port in use.
 *
 * @param {string} name the name of the npm script
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
