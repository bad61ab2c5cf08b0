import { randomUUID } from 'node:crypto'
import type { Settings } from '@/lib/config/settings'
import { createLog } from '@/lib/logging/log'
import { mailHints, stopsEveryEmail } from '@/lib/mail/failure-hints'
import { createMailer } from '@/lib/mail/mailer'
import type { SendOutcome } from '@/lib/mail/delivery-result'
import { ok, trouble, warning, type Finding } from './finding'

/** Connects to the mail server; if that succeeds and `sendTo` is set, sends a test email. */
export async function checkMail(
  { mail }: Settings,
  { sendsItself, sendTo }: { sendsItself: boolean; sendTo: string | undefined },
): Promise<Finding[]> {
  const mailer = createMailer({ ...mail, log: createLog('silent', 'doctor') })
  try {
    const found = sendsItself
      ? [warning('mail', 'sendEmail of rekey.config.ts may send emails another way, which was not tried.')]
      : []
    const verified = await mailer.verify(15_000)
    found.push(
      verified.ok
        ? ok('mail', 'The mail server takes this client: greeting, TLS, authentication.')
        : failed('mail', verified),
    )
    if (sendTo === undefined || !verified.ok) return found
    const content = {
      subject: 'Test of the mail settings',
      text: 'This email was sent by `npm run doctor`.\n',
      html: '<p>This email was sent by <code>npm run doctor</code>.</p>',
    }
    const sent = await mailer.send({ id: randomUUID(), to: sendTo, content, replyMs: 20_000 })
    return [
      ...found,
      sent.ok ? ok('mail.test', 'The mail server accepted the test email.') : failed('mail.test', sent),
    ]
  } finally {
    mailer.close()
  }
}

function failed(check: string, { cause, reason }: SendOutcome & { ok: false }): Finding {
  const hint = stopsEveryEmail(cause) ? mailHints[cause] : 'Look at the log of the mail server.'
  return trouble(check, `The mail server does not take an email (${cause ?? 'unknown'}: ${reason}).`, hint)
}
