import {
  counters,
  seriesOf,
  type CounterLabels,
  type CounterName,
  type GaugeLabels,
  type ProcessGaugeName,
} from './catalogue'

type Collected = { counts: Map<string, number>; gauges: Map<string, () => number> }

/** Global in the process, because Next's bundle has its own copy of this module. */
const shared = globalThis as { rekeyMetrics?: Collected }
const collected = (shared.rekeyMetrics ??= { counts: new Map(), gauges: new Map() })

/** Counts events in memory, until they are reported. Counts nothing if the catalogue does not list the value of a label. */
export function count<Name extends CounterName>(name: Name, labels: CounterLabels<Name>): void {
  const listed = counters[name].labels as Record<string, readonly string[]>
  const ordered: Record<string, string> = {}
  for (const [label, values] of Object.entries(listed)) {
    const value = (labels as Record<string, string>)[label]
    if (value === undefined || !values.includes(value)) return
    ordered[label] = value
  }
  const series = seriesOf(name, ordered)
  collected.counts.set(series, (collected.counts.get(series) ?? 0) + 1)
}

/** Sets how a gauge of this process is read. A later call for the same series replaces the earlier one. */
export function registerGauge<Name extends ProcessGaugeName>(
  name: Name,
  labels: GaugeLabels<Name>,
  read: () => number,
): void {
  collected.gauges.set(seriesOf(name, labels as Record<string, string>), read)
}

export function hasCounts(): boolean {
  return collected.counts.size > 0
}

/** Returns the counts since the last call, by series. */
export function takeCounts(): Map<string, number> {
  const taken = new Map(collected.counts)
  collected.counts.clear()
  return taken
}

export function readProcessGauges(): Record<string, number> {
  return Object.fromEntries([...collected.gauges].map(([series, read]) => [series, read()]))
}
