const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs `stop` at the first signal, then exits with 0, or with 1 if `stop` failed. Ignores later signals: after Ctrl-C, one comes from
 * the terminal and one from the parent process. Replaces all earlier listeners, which may exit without calling `stop`.
 *
 * @returns `stopNow`, which does the same without a signal
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
