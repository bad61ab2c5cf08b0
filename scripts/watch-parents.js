import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Milliseconds. */
const interval = 1_000

const shell = /^(?:sh|ash|dash|bash|ksh|zsh)$/
/** Matches a shell's command of which a part may outlive the shell. */
const detaches = /(?<![&<>])&(?![&>])|\b(?:nohup|setsid|disown|coproc|source)\b|(?:^|[;\s])\.\s/

/** @param {number} pid @returns {{ parent: number, command: string[] } | undefined} undefined without the process or `/proc` */
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
 * Whether a process is a shell with `-c` that waits for its commands. A shell with a script file may run some in the background.
 * @param {string[]} command the name of the program and its arguments
 */
export function isWaitingShell([program = '', option = '', text = '']) {
  return shell.test(path.basename(program)) && /^-[a-z]*c$/.test(option) && !detaches.test(text)
}

/**
 * Returns the parents that only wait for this process, such as npm and its shell. Others must not be watched: a service in the
 * background of a shell, under `nohup` or under a process manager must survive the end of its parent.
 * @param {string} name the name of the npm script @returns {{ child: number, parent: number }[]}
 */
function waitingParents(name) {
  const { npm_lifecycle_script: npmRuns = '', NODE_RUN_SCRIPT_NAME: nodeRuns } = process.env
  // The variables may be inherited from another script.
  if (!npmRuns.startsWith(`exec node scripts/run.js ${name}`) && nodeRuns !== name) return []
  const links = [{ child: process.pid, parent: process.ppid }]
  for (;;) {
    const { parent: child } = /** @type {{ parent: number }} */ (links.at(-1))
    const parent = readProcess(child)?.parent
    if (parent === undefined || !isWaitingShell(readProcess(parent)?.command ?? [])) return links
    links.push({ child, parent })
  }
}

/** Sends SIGHUP to this process, which would keep its port, after npm has ended. Other parents are not watched. @param {string} name the name of the npm script */
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
