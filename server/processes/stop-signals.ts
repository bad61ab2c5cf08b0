const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * Runs `stop` at the first stop signal, then ends the process: with 0, or with 1 where `stop` failed. Later signals change
 * nothing: after Ctrl-C, each process gets one from the terminal and one from its parent. Takes the place of all earlier
 * listeners, such as that of `scripts/stop-signals.js`, which ends the process at once.
 *
 * @returns runs `stop` without a signal; for a parent that is gone
 */
export function stopOnSignal(stop: (signal?: NodeJS.Signals) => Promise<unknown>): () => void {
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
  return () => first()
}
