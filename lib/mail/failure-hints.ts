/**
 * The cause of a failed attempt to send an email. `mailHints` describes those that are not listed here.
 *
 * - `recipient`, `message`: the recipient's address, or the size or content of the email.
 * - `server`: the mail server reported another temporary error, or did not reply in time; other emails may be delivered.
 */
export type MailCause = 'recipient' | 'message' | 'server' | keyof typeof mailHints

/** The hint for the operator, by the cause that stops every email. The other causes may concern a single email. */
export const mailHints = {
  network:
    'No connection to the mail server: check host and port in SMTP_URL, and that a firewall lets this machine reach it; port 465 needs smtps://, ports 587 and 25 need smtp://.',
  tls: 'No encrypted connection to the mail server: in SMTP_URL, port 465 needs smtps://, ports 587 and 25 need smtp:// and a server with STARTTLS; ?ignoreTLS=true switches encryption off.',
  certificate:
    "The mail server's certificate was not accepted: it must not have expired, SMTP_URL must name the host that the certificate names, and SMTP_CA_FILE the authority that signed it, if it is a private one.",
  greeting:
    'The mail server rejected this client before any email: set SMTP_HELO_NAME to a name that it accepts, and allow the address of this machine there.',
  authentication:
    'The mail server does not accept email from this client: check user name and password in SMTP_URL, and whether it may relay for this machine.',
  sender:
    'The mail server rejects the sender: VERIFICATION_FROM_EMAIL must be an address that the user of SMTP_URL may send from.',
  own: 'An email could not be rendered or stored on this machine: check DATA_DIR, the templates and rekey.config.ts.',
} as const

/** Whether a failure of this cause would stop every other email, too. */
export function stopsEveryEmail(cause: MailCause | undefined): cause is keyof typeof mailHints {
  return cause !== undefined && Object.hasOwn(mailHints, cause)
}
