import {
  allSeries,
  counters,
  processGauges,
  processKinds,
  scrapeGauges,
  seriesOf,
  type ProcessKind,
} from './catalogue'
import type { JobNumbers, ReportTotals } from './store'

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** The facts for one scrape. Facts from the database are undefined if they could not be read. */
export type Scraped = {
  reported: ReportTotals | undefined
  jobs?: JobNumbers[] | undefined
  mail?:
    | {
        /** By `StopCause`: whether it stops all emails now. */
        stopped: Record<string, boolean>
        /** Milliseconds since the last heartbeat of any worker; null: there was none yet. */
        workerSeen: number | null
      }
    | undefined
  /** Milliseconds since this process last stored a report or, before its first one, since its start. */
  ownReport: number
  /** When `reported` had been read, by this machine's clock, in milliseconds since the epoch. */
  readAt: number
}

/**
 * Returns the metrics in Prometheus's text format. Without the database, the only number is `rekey_database_up 0`: the counts of an
 * earlier scrape could look like a decrease, which Prometheus takes for a restart.
 */
export function formatMetrics({ reported, jobs, mail, ownReport, readAt }: Scraped): string {
  const up = gaugeLines('database_up', [['', reported === undefined ? 0 : 1]])
  if (reported === undefined) return `${up.join('\n')}\n`
  const lines = [
    ...up,
    ...Object.entries(counters).flatMap(([name, { help, labels }]) => [
      ...header(`${name}_total`, 'counter', help),
      ...allSeries(name, labels).map(
        (series) => `rekey_${series.replace(/^\w+/, '$&_total')} ${reported.counts.get(series) ?? 0}`,
      ),
    ]),
    ...Object.entries(processGauges).flatMap(([name, { help, labels }]) => [
      ...header(name, 'gauge', help),
      ...processKinds.flatMap((kind) =>
        allSeries(name, labels).map((series) => sumLine(series, kind, reported.gauges[kind])),
      ),
    ]),
    ...gaugeLines('processes', byLabel('process', reported.processes)),
    ...gaugeLines('database_clock_offset_seconds', [['', (reported.now - readAt) / 1000]]),
  ]
  if (reported.lastReport !== null)
    // The greater of the two ages: reports of other processes may be stored while those of this process fail.
    lines.push(...gaugeLines('last_write_seconds', [['', Math.max(reported.lastReport, ownReport) / 1000]]))
  if (jobs !== undefined) lines.push(...jobLines(jobs))
  if (mail !== undefined) {
    lines.push(...gaugeLines('emails_stopped', byLabel('cause', mail.stopped)))
    if (mail.workerSeen !== null)
      lines.push(...gaugeLines('worker_seen_seconds', [['', mail.workerSeen / 1000]]))
  }
  return `${lines.join('\n')}\n`
}

function sumLine(series: string, kind: ProcessKind, sums: ReadonlyMap<string, number>): string {
  const [name = '', others] = series.split(/[{}]/)
  const labels = [others, `process="${kind}"`].filter(Boolean).join(',')
  return `rekey_${name}{${labels}} ${sums.get(series) ?? 0}`
}

function jobLines(jobs: JobNumbers[]): string[] {
  const states = ['waiting', 'retrying', 'running'] as const
  return [
    ...gaugeLines(
      'jobs',
      jobs.flatMap((job) =>
        states.map((state) => [labels({ queue: job.queue, state }), job[state]] as const),
      ),
    ),
    ...gaugeLines(
      'oldest_job_seconds',
      jobs.map(({ queue, oldest }) => [labels({ queue }), oldest] as const),
    ),
  ]
}

function gaugeLines(
  name: keyof typeof scrapeGauges,
  samples: (readonly [labels: string, value: number])[],
): string[] {
  return [
    ...header(name, 'gauge', scrapeGauges[name]),
    ...samples.map(([of, value]) => `rekey_${name}${of} ${value}`),
  ]
}

function header(name: string, type: 'counter' | 'gauge', help: string): string[] {
  return [`# HELP rekey_${name} ${help}`, `# TYPE rekey_${name} ${type}`]
}

function labels(of: Record<string, string>): string {
  return seriesOf('', of)
}

function byLabel(label: string, values: Record<string, number | boolean>) {
  return Object.entries(values).map(([value, of]) => [labels({ [label]: value }), Number(of)] as const)
}
