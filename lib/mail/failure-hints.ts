/**
 * What an attempt to send an email failed at.
 *
 * - `recipient`: the mail server refused this address, or asked to try it later.
 * - `message`: the mail server refused the content, or asked to try it later.
 * - `server`: the mail server failed or fell silent while it handled one email; other emails may leave.
 * - `network`: there was no connection, or it closed without a reply.
 * - `tls`: the connection could not be encrypted.
 * - `certificate`: the mail server's certificate was not accepted.
 * - `greeting`: the mail server refused the connection or the name that EHLO says.
 * - `authentication`: the mail server did not accept us as a client, or did not relay for us.
 * - `sender`: the mail server refused the address in VERIFICATION_FROM_EMAIL.
 * - `own`: the email could not be made or stored on this machine.
 */
export type MailCause = 'recipient' | 'message' | 'server' | keyof typeof mailHints

/**
 * For each cause that stops every email, one sentence for the operator. The causes that are missing concern one email:
 * a single recipient must never look like a mail server that sends nothing.
 */
export const mailHints = {
  network:
    'No connection to the mail server: check host and port in SMTP_URL, and that a firewall lets this machine reach it; port 465 needs smtps://, ports 587 and 25 need smtp://.',
  tls: 'No encrypted connection to the mail server: in SMTP_URL, port 465 needs smtps://, ports 587 and 25 need smtp:// and a server with STARTTLS; ?ignoreTLS=true switches encryption off.',
  certificate:
    "The mail server's certificate was not accepted: SMTP_URL must name the host that the certificate names, and SMTP_CA_FILE the authority that signed it, if that is a private one.",
  greeting:
    'The mail server refused this client before any email: set SMTP_HELO_NAME to a name that it accepts, and allow the address of this machine there.',
  authentication:
    'The mail server does not accept email from this client: check user name and password in SMTP_URL, and whether it may relay for this machine.',
  sender:
    'The mail server refuses the sender: VERIFICATION_FROM_EMAIL must be an address that the user of SMTP_URL may send from.',
  own: 'An email could not be made or stored on this machine: check DATA_DIR, the templates and rekey.config.ts.',
} as const

/** Whether a failure of this cause would happen to every other email too. */
export function stopsEveryEmail(cause: MailCause | undefined): cause is keyof typeof mailHints {
  return cause !== undefined && Object.hasOwn(mailHints, cause)
}
