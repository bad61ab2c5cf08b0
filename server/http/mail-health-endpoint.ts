import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { openDatabase } from '@/lib/database/pool'
import type { Log } from '@/lib/logging/log'
import { watchMail } from '@/lib/mail-health/reports'
import { createMailState, type MailFacts, type MailState } from '@/lib/mail-health/state'
import { assessMailHealth, mailTimes, type MailTimes } from '@/lib/mail-health/verdict'
import type { Settings } from '@/lib/config/settings'
import { refuse } from './error-response'

/** Where a monitor asks whether emails leave. Without HEALTH_TOKEN it is an address like any that is not there. */
export const mailHealthPath = '/api/health/mail'

type Handle = (request: IncomingMessage, answer: ServerResponse) => Promise<void> | void

/**
 * What a web process does about emails: logs what stops all of them, as workers do, since there may be no worker; and
 * answers {@link mailHealthPath}. It has a connection of its own, so that neither takes one from requests.
 *
 * @returns `serve` wraps what handles requests; `close` ends the watch
 */
export function watchMailOfWeb(
  settings: Pick<Settings, 'database' | 'healthToken' | 'basePath'>,
  log: Log,
  times: MailTimes = mailTimes,
) {
  const database = openDatabase({ ...settings.database, poolSize: 1 }, log)
  const state = createMailState(database)
  const watch = watchMail({ state, log, times })
  const { healthToken, basePath } = settings

  return {
    serve(handle: Handle): Handle {
      if (healthToken === undefined) return handle
      const answerHealth = createMailHealth(state, healthToken, log, times)
      return (request, answer) =>
        isMailHealth(request.url, basePath) ? answerHealth(request, answer) : handle(request, answer)
    },
    async close(): Promise<void> {
      await watch.stop()
      await database.close()
    },
  }
}

function isMailHealth(url = '', basePath: string): boolean {
  return url.split('?', 1)[0]!.replace(/\/$/, '') === `${basePath}${mailHealthPath}`
}

/**
 * Answers 200 where emails leave, 503 where they do not or where the database is away, 401 without the token. The times
 * are of failures, workers and requests; what would tell of one account, such as the last email that left, is missing.
 */
export function createMailHealth(
  state: Pick<MailState, 'read'>,
  token: string,
  log: Log,
  times: MailTimes = mailTimes,
): Handle {
  let reading: Promise<MailFacts> | undefined
  return async (request, answer) => {
    if (!hasToken(request, token))
      return refuse(answer, {
        status: 401,
        detail: 'A bearer token is needed.',
        headers: { 'WWW-Authenticate': 'Bearer' },
      })
    try {
      // However many ask at once, they wait for one query.
      reading ??= state.read().finally(() => (reading = undefined))
      const facts = await reading
      const verdict = assessMailHealth(facts, times)
      say(answer, verdict.status === 'ok' ? 200 : 503, {
        ...verdict,
        workerSeenSeconds: seconds(facts.workerSeen),
        oldestRequestSeconds: seconds(facts.untaken),
      })
    } catch (error) {
      log.warn({ err: error, event: 'mail_state_unknown' })
      say(answer, 503, { status: 'unknown' })
    }
  }
}

/** Compares digests, whose length and time tell nothing of the token. */
function hasToken({ headers }: IncomingMessage, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  return given !== undefined && timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.max(0, Math.floor(milliseconds / 1000))
}

function say(answer: ServerResponse, status: number, facts: object): void {
  const body = JSON.stringify(facts)
  answer.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  answer.end(body)
}
