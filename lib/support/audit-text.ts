import { auditEvents, type AuditEventKey, type HistoryEntry } from '@/lib/audit/audit'

const texts: Record<AuditEventKey, string> = {
  requested: 'a link was requested',
  limited: 'a request was refused by a limit',
  sent: 'the email with the link was sent',
  held: 'no email was sent',
  failed: 'the email could not be delivered',
  reused: 'a used link was submitted',
  refused: 'a new password was refused',
  changed: 'the password was changed',
  sessionsEnded: 'sessions or tokens were ended',
  notified: 'the email about the change was sent',
  cancelled: 'all links were revoked',
  opened: 'the link was opened',
  printed: 'a link was printed',
  limitLifted: 'limits were lifted',
}

const textsByName = new Map(
  (Object.keys(auditEvents) as AuditEventKey[]).map((event) => [auditEvents[event] as string, texts[event]]),
)

/** Describes an audit entry in words, with its reason. The name of an unknown event stays as it is. */
export function describeAuditEntry({ event, reason }: Pick<HistoryEntry, 'event' | 'reason'>): string {
  const text = textsByName.get(event) ?? event
  // An opening's reason is only a time for `requestTimeOfOpening`.
  return reason === null || event === auditEvents.opened ? text : `${text} (${reason})`
}
