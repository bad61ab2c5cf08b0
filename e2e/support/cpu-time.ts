/**
 * Milliseconds of processor time that this process has taken since `start` (from `process.cpuUsage()`). Waiting for a turn
 * on a busy machine does not count, so that a bound on it holds there too.
 */
export function cpuTimeSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}
