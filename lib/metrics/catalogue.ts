/** `labels`: the values that each label may have. */
type Metric = { help: string; labels: Record<string, readonly string[]> }

const kinds = ['link', 'changed'] as const

/** Every `MailCause`, then two reasons for which an email does not reach the mail server at all. */
const causes = [
  'recipient',
  'message',
  'server',
  'network',
  'tls',
  'certificate',
  'greeting',
  'authentication',
  'sender',
  'own',
  'budget',
  'link-would-expire',
] as const

/** Every `LinkStatus` but `valid`. */
const badLinks = ['signature-invalid', 'signature-expired', 'signature-used'] as const

export const queues = ['link-request', 'link-email', 'changed-email', 'changed-hook'] as const

/** The counters, exposed as `rekey_<name>_total`. Label values are codes: no login, address or account can become one (requirement L7). */
export const counters = {
  requests: {
    help: 'Requests for a link. accepted: stored in the queue, whether or not there is an account.',
    labels: { outcome: ['accepted', 'throttled', 'not-genuine', 'not-found'] },
  },
  limited: {
    help: 'Requests and resets refused by a rate limit, by the limit.',
    labels: {
      limit: [
        'requestsPerClient',
        'requestsPerSite',
        'requestsPerLogin',
        'resetsPerLink',
        'forgeriesPerClient',
        'attemptsPerLink',
        'guessesPerLink',
        'hashesPerLink',
        'restartsPerAccount',
      ],
    },
  },
  requests_refused: {
    help: 'HTTP requests refused for a reason that a wrong setting can cause, or because the process is busy.',
    labels: {
      reason: [
        'plain-http',
        'other-host',
        'outside-path',
        'large-headers',
        'cross-origin',
        'throttled-proxy',
        'busy',
      ],
    },
  },
  unavailable: {
    help: 'Requests answered 503 by the endpoints. hashing: too many passwords wait to be hashed.',
    labels: { reason: ['database', 'hashing'] },
  },
  errors: {
    help: 'Requests answered 500: faults of Rekey or of rekey.config.ts. The log has each as request_failed.',
    labels: {},
  },
  links_inspected: {
    help: 'Links whose page was opened, by outcome. Mail scanners open them, too.',
    labels: { purpose: ['reset', 'cancel'], outcome: ['valid', ...badLinks] },
  },
  resets: {
    help: 'Submitted resets, by outcome. changed: the password was replaced.',
    labels: {
      outcome: [
        'changed',
        ...badLinks,
        'password-rejected',
        'second-factor-required',
        'second-factor-exhausted',
        'link-exhausted',
        'throttled',
      ],
    },
  },
  cancels: {
    help: 'Submitted "this wasn\'t me", by outcome.',
    labels: { outcome: ['cancelled', ...badLinks, 'throttled'] },
  },
  bad_signatures: {
    help: 'Links that Rekey did not sign, by where they came in.',
    labels: { at: ['request', 'inspect', 'reset', 'cancel'] },
  },
  emails_sent: {
    help: 'Emails that the mail server accepted. changed: the email about a changed password.',
    labels: { kind: kinds },
  },
  emails_deferred: {
    help: 'Attempts to send an email that failed and are made again, by cause.',
    labels: { kind: kinds, cause: causes },
  },
  emails_failed: {
    help: 'Emails given up, by cause.',
    labels: { kind: kinds, cause: causes },
  },
  emails_held: {
    help: 'Emails silently not sent, by reason.',
    labels: {
      reason: ['email-limit', 'mailbox-limit', 'account-changed', 'account-gone', 'switched-off'],
    },
  },
  job_errors: {
    help: 'Attempts of jobs that threw, took too long or could not be read. The log has each.',
    labels: { queue: queues },
  },
  jobs_given_up: {
    help: 'Jobs that failed too often and are not tried again.',
    labels: { queue: queues },
  },
} as const satisfies Record<string, Metric>

/** The gauges that each process reports, exposed as `rekey_<name>`: the sums over the running processes of a kind. */
export const processGauges = {
  hash_queue: {
    help: 'Passwords that are hashed now, or wait for it.',
    labels: { state: ['running', 'waiting'] },
  },
  database_connections: {
    help: 'Connections of the pools. awaited: pieces of work that wait for one.',
    labels: { state: ['busy', 'idle', 'awaited'] },
  },
  queue_polled: {
    help: 'Workers that notifications do not reach, so that they look for jobs every few seconds.',
    labels: {},
  },
} as const satisfies Record<string, Metric>

/** The values of the label `process`. */
export const processKinds = ['web', 'worker'] as const
export type ProcessKind = (typeof processKinds)[number]

/** The help texts of the other gauges, exposed as `rekey_<name>`. */
export const scrapeGauges = {
  database_up: '1 if the database answered this scrape. If it did not, there is no other number.',
  database_clock_offset_seconds: "The database's clock minus that of the machine that was scraped.",
  last_write_seconds:
    'Age of the newest report in the database, or of the last one of the process that answers, whichever is older; it grows while writes fail.',
  processes: 'Processes that reported in the last 30 seconds.',
  jobs: 'Unfinished jobs: waiting for a worker, waiting for their next attempt, or running.',
  oldest_job_seconds: 'Age of the oldest unfinished job of a queue; 0 if there is none.',
  emails_stopped: '1 while no email leaves, by the cause.',
  worker_seen_seconds: 'Age of the last sign of life of any worker. Absent: there was none yet.',
} as const

type Counters = typeof counters
export type CounterName = keyof Counters
type ProcessGauges = typeof processGauges
export type ProcessGaugeName = keyof ProcessGauges

type Values<Labels> = {
  [Label in keyof Labels]: Labels[Label] extends readonly (infer Value)[] ? Value : never
}
export type CounterLabels<Name extends CounterName> = Values<Counters[Name]['labels']>
export type GaugeLabels<Name extends ProcessGaugeName> = Values<ProcessGauges[Name]['labels']>

/** Returns the name of a series in Prometheus's notation, without the prefix `rekey_`: `resets{outcome="changed"}`. */
export function seriesOf(name: string, labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

/** Lists a series for each combination of the labels' values. */
export function allSeries(name: string, labels: Metric['labels']): string[] {
  let combinations: Record<string, string>[] = [{}]
  for (const [label, values] of Object.entries(labels))
    combinations = combinations.flatMap((chosen) => values.map((value) => ({ ...chosen, [label]: value })))
  return combinations.map((chosen) => seriesOf(name, chosen))
}
