/**
 * Milliseconds of processor time that this process has used since `start` (from `process.cpuUsage()`). On a busy machine,
 * the time until the process runs again does not count, so a limit on the result does not depend on the load.
 */
export function cpuTimeSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}
