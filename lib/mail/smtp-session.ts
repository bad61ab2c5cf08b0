import type { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { SmtpUtf8Missing } from './delivery-result'
import type { SmtpOptions } from './smtp-options'

type Envelope = { from: string; to: string }

/**
 * Connects to the mail server as for an email (greeting, EHLO, TLS, login), but sends none.
 *
 * @throws nodemailer's error; an Error with the code ECONNECTION if the mail server closes the connection, or EABORT if `signal` aborts
 */
export async function testSession(options: SmtpOptions, signal: AbortSignal): Promise<void> {
  await withSession(options, signal, () => Promise.resolve())
}

/**
 * Sends one message with a non-ASCII envelope (RFC 6531) on a new connection: nodemailer's pool would send the address even if the server
 * does not offer SMTPUTF8. Returns the mail server's reply.
 *
 * @throws SmtpUtf8Missing if the mail server does not offer SMTPUTF8; else as {@link testSession}
 */
export async function sendAsUtf8(
  options: SmtpOptions,
  envelope: Envelope,
  message: Readable,
  signal: AbortSignal,
): Promise<string> {
  let reply = ''
  await withSession(options, signal, async (session, offersUtf8) => {
    if (!offersUtf8) throw new SmtpUtf8Missing('The mail server does not offer SMTPUTF8.')
    await promised((done) => session.send({ from: envelope.from, to: [envelope.to] }, message, done))
    reply = String(session.lastServerResponse)
  })
  return reply
}

async function withSession(
  { auth, ...options }: SmtpOptions,
  signal: AbortSignal,
  act: (session: SMTPConnection, offersUtf8: boolean) => Promise<void>,
): Promise<void> {
  const session = new SMTPConnection(options)
  const broken = new Promise<never>((_, reject) => {
    session.once('error', reject)
    session.once('end', () => reject(coded('ECONNECTION', 'The mail server closed the connection.')))
    signal.addEventListener('abort', () => reject(coded('EABORT', 'The deadline of the attempt passed.')))
    if (signal.aborted) reject(coded('EABORT', 'The deadline of the attempt passed.'))
  })
  broken.catch(() => undefined)
  // Without a listener, a second error would crash the process.
  session.on('error', () => undefined)
  try {
    await Promise.race([broken, run()])
    session.quit()
  } finally {
    session.close() // also after QUIT: its reply may never arrive
  }

  async function run(): Promise<void> {
    await promised((done) => session.connect(done))
    // The reply to the last EHLO: the one before TLS must be discarded (RFC 3207 §4.2).
    const offersUtf8 = /^250[ -]SMTPUTF8\s*$/im.test(String(session.lastServerResponse))
    if (auth !== undefined && session.allowsAuth)
      await promised((done) => session.login({ credentials: auth }, done))
    await act(session, offersUtf8)
  }
}

function promised(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve())))
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
