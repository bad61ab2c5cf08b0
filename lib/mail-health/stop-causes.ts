import { mailHints } from '@/lib/mail/failure-hints'

/** The hints for the operator, by the cause that stops all emails. One failed attempt proves a cause in `mailHints`. */
export const stopHints = {
  ...mailHints,
  server:
    'The mail server accepts no email and reports only temporary errors: check its log, its disk and its limits for this machine.',
  'job-error':
    'Jobs fail before their emails are sent: search the log for job_error, job_late and job_malformed, and check rekey.config.ts.',
  'link-would-expire':
    'Emails are given up because their links would expire: no worker ran for too long, or the clock of the database jumped.',
  budget:
    'The rate limit LIMIT_EMAILS is used up: emails wait until its window ends. Raise it if this many people need a link.',
  'no-worker':
    'Requests wait and no worker runs: set WORKER=on for one `npm start`, or run `npm run worker` with the same settings.',
  'queue-stuck':
    'A worker runs but fetches no jobs: search the log for queue_error, restart the worker, and check the database for locks.',
} as const

export type StopCause = keyof typeof stopHints

/** Whether a text from the database is a cause that this version knows; a newer version may have stored another. */
export function isStopCause(text: string | null): text is StopCause {
  return text !== null && Object.hasOwn(stopHints, text)
}

/** The causes that a successful test connection to the mail server ends. */
export const causesClearedByConnection: StopCause[] = [
  'network',
  'tls',
  'certificate',
  'greeting',
  'authentication',
  'server',
]
