const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs `stop` at the first of SIGTERM, SIGINT and SIGHUP, then exits with 0, or with 1 if `stop` failed. Ignores later signals:
 * after Ctrl-C, each process receives one from the terminal and one from its parent. Replaces all earlier listeners for these
 * signals, such as those of `scripts/stop-signals.js`, which exit without calling `stop`.
 *
 * @returns `stopNow`, which does the same without a signal, for a process whose parent ended
 */
export function stopOnSignal(stop: (signal?: NodeJS.Signals) => Promise<unknown>): { stopNow: () => void } {
  let stopping = false
  const first = (signal?: NodeJS.Signals) => {
    if (stopping) return
    stopping = true
    void stop(signal).then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  for (const signal of signals) {
    const earlier = process.listeners(signal)
    process.on(signal, first)
    for (const listener of earlier) process.off(signal, listener)
  }
  return { stopNow: () => first() }
}
