import type { Log } from '@/lib/logging/log'
import type { MailFacts, MailStateStore } from '@/lib/mail-health/state'
import { assessMailHealth } from '@/lib/mail-health/verdict'
import { hasToken, unauthorizedResponse } from './bearer-token'
import { sendError } from './error-response'
import type { Handle } from './handle'
import { sendJson } from './json-response'

/** The path of the mail health; 404 if HEALTH_TOKEN is not set. */
export const mailHealthPath = '/api/health/mail'

/**
 * Creates the handler of {@link mailHealthPath}: 200 if nothing is known to stop all emails, 503 if something stops them or if the
 * state cannot be read, and 401 without the token. The body omits the time of the last email, which would tell of a single account.
 */
export function createMailHealthHandler(
  state: Pick<MailStateStore, 'read'>,
  token: string,
  log: Log,
): Handle {
  let reading: Promise<MailFacts> | undefined
  return async (request, response) => {
    if (!hasToken(request, token)) return sendError(response, unauthorizedResponse)
    try {
      reading ??= state.read().finally(() => (reading = undefined))
      const facts = await reading
      const verdict = assessMailHealth(facts)
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

function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.max(0, Math.floor(milliseconds / 1000))
}
