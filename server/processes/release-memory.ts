import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Milliseconds. */
type IdleTimes = {
  /** How often the process looks at its own processor time. */
  interval: number
  /** A process that used less processor time than this in an interval was idle. */
  idleBelow: number
}

/**
 * Collects all garbage once whenever the process becomes idle. V8 collects only while a program allocates, so a process would keep
 * the garbage of its start, or of a flood, for as long as nothing happens. The collection takes about a tenth of a second.
 */
export function releaseMemoryWhenIdle(
  { interval, idleBelow }: IdleTimes = { interval: 10_000, idleBelow: 500 },
): void {
  let used = process.cpuUsage()
  let isReleased = false
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(used)
    const isIdle = (user + system) / 1000 < idleBelow
    if (isIdle && !isReleased) collectAllGarbage()
    isReleased = isIdle
    // Read after the collection, so that its processor time does not count as work.
    used = process.cpuUsage()
  }, interval)
  timer.unref()
}

function collectAllGarbage(): void {
  // Only contexts that are made after the flag was set have the function.
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as NodeJS.GCFunction
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
