import { expect, test } from 'vitest'
import { formatMetrics } from './exposition'

const reported = {
  counts: new Map([
    ['resets{outcome="changed"}', 3],
    ['errors', 2],
    ['of_a_newer_version{address="zoe@example.com"}', 9],
  ]),
  gauges: { web: new Map([['hash_queue{state="running"}', 2]]), worker: new Map([['queue_polled', 1]]) },
  processes: { web: 2, worker: 1 },
  lastReport: 1_500,
  now: 1_000_250,
}

test('each metric has its help and its type once, followed by all its series, also by those without a count [L7]', () => {
  const text = formatMetrics({ reported, ownReport: 0, readAt: 1_000_000 })
  expect(text).toContain(
    '# HELP rekey_resets_total Submitted resets, by outcome. changed: the password was replaced.\n' +
      '# TYPE rekey_resets_total counter\nrekey_resets_total{outcome="changed"} 3\n' +
      'rekey_resets_total{outcome="signature-invalid"} 0\n',
  )
  expect(text).toContain('\nrekey_errors_total 2\n')
  expect(text).toContain('\nrekey_hash_queue{state="running",process="web"} 2\n')
  expect(text).toContain('\nrekey_queue_polled{process="worker"} 1\n')
  expect(text).toContain('\nrekey_processes{process="web"} 2\n')
  expect(text).toContain('\nrekey_database_clock_offset_seconds 0.25\n')
  expect(text).toContain('\nrekey_last_write_seconds 1.5\n')
  expect(text.endsWith('\n')).toBe(true)
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('the age of the last write is that of this process’s report if it is older than the others’ [L7]', () => {
  expect(formatMetrics({ reported, ownReport: 90_000, readAt: 0 })).toContain(
    '\nrekey_last_write_seconds 90\n',
  )
})

test('series in the table that the catalogue does not have are not written [L7]', () => {
  expect(formatMetrics({ reported, ownReport: 0, readAt: 0 })).not.toMatch(/zoe|newer/)
})

test('the numbers of jobs and of causes that stop emails are written, or left out if they could not be read [L7]', () => {
  const jobs = [{ queue: 'link-email', waiting: 4, retrying: 1, running: 2, oldest: 61 }]
  const mail = { stopped: { network: true, tls: false }, workerSeen: 2_000 }
  const text = formatMetrics({ reported, jobs, mail, ownReport: 0, readAt: 0 })
  expect(text).toContain('\nrekey_jobs{queue="link-email",state="retrying"} 1\n')
  expect(text).toContain('\nrekey_oldest_job_seconds{queue="link-email"} 61\n')
  expect(text).toContain('\nrekey_emails_stopped{cause="network"} 1\nrekey_emails_stopped{cause="tls"} 0\n')
  expect(text).toContain('\nrekey_worker_seen_seconds 2\n')
  expect(formatMetrics({ reported, ownReport: 0, readAt: 0 })).not.toMatch(
    /rekey_jobs\{|rekey_emails_stopped|rekey_worker_seen/,
  )
})

test('while the database is away, no count is written, because an older one would look like a restart [L7]', () => {
  const text = formatMetrics({ reported: undefined, ownReport: 0, readAt: 0 })
  expect(text.replaceAll(/^#.*\n/gm, '')).toBe('rekey_database_up 0\n')
})
