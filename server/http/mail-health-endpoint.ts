import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { openDatabase } from '@/lib/database/pool'
import type { Log } from '@/lib/logging/log'
import { watchMailHealth } from '@/lib/mail-health/reports'
import { createMailStateStore, type MailFacts, type MailStateStore } from '@/lib/mail-health/state'
import { assessMailHealth, mailTimes, type MailTimes } from '@/lib/mail-health/verdict'
import type { Settings } from '@/lib/config/settings'
import { sendError } from './error-response'

/** The path at which a monitor requests the mail health. Without HEALTH_TOKEN the response is 404, as for any unknown path. */
export const mailHealthPath = '/api/health/mail'

type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/**
 * Watches the mail health in a web process: logs what stops all emails, because no worker may be running, and serves
 * {@link mailHealthPath}. Uses its own connection, so that requests do not lose one of theirs.
 *
 * @returns `serve` wraps the request handler; `close` ends the watch
 */
export function watchMailHealthInWeb(
  settings: Pick<Settings, 'database' | 'healthToken' | 'basePath'>,
  log: Log,
  times: MailTimes = mailTimes,
) {
  const database = openDatabase({ ...settings.database, poolSize: 1 }, log)
  const state = createMailStateStore(database)
  const watch = watchMailHealth({ state, log, times })
  const { healthToken, basePath } = settings

  return {
    serve(handle: Handle): Handle {
      if (healthToken === undefined) return handle
      const serveHealth = createMailHealthHandler(state, healthToken, log, times)
      return (request, response) =>
        isMailHealth(request.url, basePath) ? serveHealth(request, response) : handle(request, response)
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
 * Handles requests of monitors: 200 if emails leave, 503 if they do not or if the database is unavailable, 401 without the
 * token. The body contains times of failures, workers and requests, but nothing about a single account, such as the time of
 * the last email.
 */
export function createMailHealthHandler(
  state: Pick<MailStateStore, 'read'>,
  token: string,
  log: Log,
  times: MailTimes = mailTimes,
): Handle {
  let reading: Promise<MailFacts> | undefined
  return async (request, response) => {
    if (!hasToken(request, token))
      return sendError(response, {
        status: 401,
        detail: 'A bearer token is needed.',
        headers: { 'WWW-Authenticate': 'Bearer' },
      })
    try {
      // Concurrent requests share one query.
      reading ??= state.read().finally(() => (reading = undefined))
      const facts = await reading
      const verdict = assessMailHealth(facts, times)
      sendJson(response, verdict.status === 'ok' ? 200 : 503, {
        ...verdict,
        workerSeenSeconds: seconds(facts.workerSeen),
        oldestRequestSeconds: seconds(facts.untaken),
      })
    } catch (error) {
      log.warn({ err: error, event: 'mail_state_unknown' })
      sendJson(response, 503, { status: 'unknown' })
    }
  }
}

/** Compares digests in constant time: they reveal neither length nor content of the token. */
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

function sendJson(response: ServerResponse, status: number, facts: object): void {
  const body = JSON.stringify(facts)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(body)
}
