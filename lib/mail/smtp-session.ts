import type { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { SmtpUtf8Missing } from './delivery-result'
import type { SmtpOptions } from './smtp-options'

type Envelope = { from: string; to: string }

/**
 * Connects to the mail server as an email would (greeting, EHLO, TLS, login), and sends nothing.
 *
 * @throws what nodemailer throws where one of the steps fails, or EABORT once `signal` says so
 */
export async function trySession(options: SmtpOptions, signal: AbortSignal): Promise<void> {
  await withSession(options, signal, () => Promise.resolve())
}

/**
 * Sends one message whose envelope is not ASCII (RFC 6531), on a connection of its own: a pooled one does not tell what
 * its server offers, and would send the bytes all the same. The envelope goes out as given.
 *
 * @throws SmtpUtf8Missing before anything of the email is said, where the mail server does not offer SMTPUTF8; else what
 *   nodemailer throws, or EABORT once `signal` says so
 */
export async function sendAsUtf8(
  options: SmtpOptions,
  envelope: Envelope,
  message: Readable,
  signal: AbortSignal,
): Promise<void> {
  await withSession(options, signal, async (session, offersUtf8) => {
    if (!offersUtf8) throw new SmtpUtf8Missing('The mail server does not offer SMTPUTF8.')
    await promised((done) => session.send({ from: envelope.from, to: [envelope.to] }, message, done))
  })
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
  // An error after the first one has nothing left to report, and must not end the process.
  session.on('error', () => undefined)
  try {
    await Promise.race([broken, run()])
    session.quit()
  } finally {
    session.close() // also after QUIT: its answer may never come
  }

  async function run(): Promise<void> {
    await promised((done) => session.connect(done))
    // The answer to the last EHLO: what was said before TLS does not count (RFC 3207 §4.2).
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
