import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Milliseconds. */
type IdleTimes = {
  interval: number
  /** A process that used less processor time than this in an interval is idle. */
  idleBelow: number
}

/** Collects all garbage once whenever the process becomes idle, because V8 mostly collects while a program allocates. */
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
