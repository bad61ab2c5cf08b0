import type { SendOutcome } from '@/lib/mail/delivery-result'
import { stopsEveryEmail } from '@/lib/mail/failure-hints'
import type { StopCause } from './stop-causes'

/**
 * `unclear`: the attempt took too long, the whole email was sent without a reply, or a team's own `sendEmail` returned neither a cause nor
 * an alert. `deferred`: a failure that concerns the recipient or the message and is not final.
 */
export type SuspectKind = 'unclear' | 'deferred'

/** What one attempt to send an email shows about the mail server. A `suspect` outcome may concern only its recipient or message. */
type Evidence =
  | { shows: 'accepted' }
  | { shows: 'nothing' }
  | { shows: 'failing'; cause: StopCause; reason: string }
  | { shows: 'suspect'; kind: SuspectKind; reason: string }

export function evidenceOf(outcome: SendOutcome): Evidence {
  if (outcome.ok) return { shows: 'accepted' }
  // A final failure counts as one that concerns only its recipient or message.
  if (outcome.final) return { shows: 'nothing' }
  const { cause, reason, alert } = outcome
  if (cause === 'recipient' || cause === 'message') return { shows: 'suspect', kind: 'deferred', reason }
  if (stopsEveryEmail(cause)) return { shows: 'failing', cause, reason }
  const isUnclear = reason === 'deadline' || reason === 'mail-unanswered'
  if (cause === 'server' && !isUnclear) return { shows: 'failing', cause, reason }
  if (cause === undefined && alert === true) return { shows: 'failing', cause: 'own', reason }
  return { shows: 'suspect', kind: 'unclear', reason }
}
