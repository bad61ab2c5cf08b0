/**
 * The cause of a failed attempt to send an email.
 *
 * - `recipient`: the address is malformed or needs SMTPUTF8 that the mail server lacks, or the mail server rejected or deferred it.
 * - `message`: the email is longer than the mail server accepts, or the mail server rejected or deferred its content.
 * - `server`: the mail server reported another temporary error, or did not reply; other emails may be delivered.
 * - `network`: the connection to the mail server failed or ended before the whole email was sent, or the server does not speak SMTP.
 * - `tls`: the connection could not be encrypted, or the mail server requires encryption.
 * - `certificate`: the mail server's certificate was not accepted.
 * - `greeting`: the mail server rejected the connection or the EHLO name.
 * - `authentication`: the mail server requires a login or rejected it, or refused to relay for this client.
 * - `sender`: the mail server rejected the address in VERIFICATION_FROM_EMAIL.
 * - `own`: the email could not be composed or stored on this machine, or the error is unknown.
 */
export type MailCause = 'recipient' | 'message' | 'server' | keyof typeof mailHints

/**
 * The hint for the operator, for each cause that stops every email. The other causes have none, because they may concern a single
 * email: a bad recipient must not look like a broken mail server.
 */
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

/** Whether a failure of this cause would stop every other email too; false for an undefined cause. */
export function stopsEveryEmail(cause: MailCause | undefined): cause is keyof typeof mailHints {
  return cause !== undefined && Object.hasOwn(mailHints, cause)
}
