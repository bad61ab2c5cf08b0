import { mailHints } from '@/lib/mail/failure-hints'

/**
 * For each state in which no email leaves, one sentence for the operator. The first causes are the mailer's (`mailHints`).
 *
 * - `server`: the mail server answers every email with a passing error, or not at all.
 * - `job-error`: jobs end in an error or take too long before an email is handed to the mailer.
 * - `link-would-expire`: emails are given up at their first attempt, because their links have no life left.
 * - `budget`: LIMIT_LETTERS is spent.
 * - `no-worker`: jobs wait and no worker runs.
 * - `queue-stuck`: a worker runs and takes no jobs.
 */
export const stopHints = {
  ...mailHints,
  server:
    'The mail server takes no email and names no lasting reason: look at its log, its disk and its limits for this machine.',
  'job-error':
    'Jobs fail before their emails are sent: look for job_error, job_late and job_malformed in the log, and at rekey.config.ts.',
  'link-would-expire':
    'Emails are given up because their links would expire: a worker was away for too long, or the clock of the database jumps.',
  budget:
    'LIMIT_LETTERS is spent: emails wait until its time is over. Raise it if this many people need a link.',
  'no-worker':
    'Requests wait and no worker runs: set WORKER=on for one start, or run `npm run worker` with the same settings.',
  'queue-stuck':
    'A worker runs and takes no jobs: look for queue_error in the log, restart the worker, and look for locks in the database.',
} as const

export type StopCause = keyof typeof stopHints

/** Whether a text from the database is one of the causes; an older version may know fewer. */
export function isStopCause(text: string | null): text is StopCause {
  return text !== null && Object.hasOwn(stopHints, text)
}

/** The causes that a connection without an email shows too, so that a connection that works ends them. */
export const connectionCauses: StopCause[] = [
  'network',
  'tls',
  'certificate',
  'greeting',
  'authentication',
  'server',
]
