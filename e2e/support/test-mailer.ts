import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import type { RenderedEmail } from '@/lib/mail/email-types'
import { createMailer, type MailerOptions, type OutgoingEmail } from '@/lib/mail/mailer'
import { startScriptedMailServer, type Script } from './scripted-mail-server'

/** Secrets contain this text. No log line may. */
export const canary = 'c4n4ry-Signature-in-the-link'

const link = `https://id.example.com/reset-password/?signature=${canary}`

/** Characters outside ASCII, a line with only a dot, long lines, and a link. */
export const content: RenderedEmail = {
  subject: 'Reset your password – Bücher',
  html: `<p>Grüße</p><p><a href="${link}">Go</a></p>${'<b>wide</b>'.repeat(300)}`,
  text: `Grüße\n\n${link}\n.\n${'x'.repeat(3000)}\n`,
}

/** Closes when the test ends. No line of its log may contain the canary or the name of a recipient. */
export function startMailer(options: Partial<MailerOptions>) {
  const logged: Record<string, unknown>[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(JSON.parse(line)) })
  const mailer = createMailer({ from: 'Example <no-reply@mail.example.com>', log, ...options })
  onTestFinished(() => {
    mailer.close()
    expect(JSON.stringify(logged)).not.toMatch(/jane|jos[eé]|c4n4ry/i)
  })
  return {
    logged,
    verify: mailer.verify,
    /** By default `content` to Jane, within ten seconds. */
    send: (outgoing: Partial<OutgoingEmail> = {}) =>
      mailer.send({ id: randomUUID(), to: 'jane@example.com', content, deadlineMs: 10_000, ...outgoing }),
  }
}

export async function startScript(script: Script = {}) {
  const server = await startScriptedMailServer(script)
  onTestFinished(server.close)
  return { ...server, url: `smtp://127.0.0.1:${server.port}?ignoreTLS=true` }
}
