import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer } from 'smtp-server'

/** The reply to an email: accepted, deferred, rejected; or a rejected login. */
export type Reply = 'taken' | 451 | 550 | 535

export type QuotedEmail = { to: string; raw: string; links: string[] }

export type QuotingMail = {
  url: string
  /** All emails that were sent to it, accepted or not. */
  emails: QuotedEmail[]
  reply: Reply
  given: Map<Reply, number>
  close(): Promise<void>
}

/** Starts a mail server that, when it rejects, quotes the password or the links of the email, as some servers do. */
export async function startQuotingMail({
  user,
  password,
}: {
  user: string
  password: string
}): Promise<QuotingMail> {
  const refusal = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode })
  const give = (reply: Reply) => void mail.given.set(reply, (mail.given.get(reply) ?? 0) + 1)
  const server = new SMTPServer({
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth(auth, _session, callback) {
      const isRight = auth.username === user && auth.password === password
      if (isRight && mail.reply !== 535) return callback(null, { user })
      give(535)
      callback(refusal(535, `${auth.username} may not use ${auth.password}`))
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => void take(Buffer.concat(chunks)).then(callback))
      const take = async (raw: Buffer) => {
        const { text = '' } = await simpleParser(raw)
        const links = text.match(/https?:\/\/\S+[?&]signature=[\w-]+/g) ?? []
        const to = session.envelope.rcptTo.map(({ address }) => address).join()
        mail.emails.push({ to, raw: raw.toString('latin1'), links })
        give(mail.reply)
        return mail.reply === 'taken' ? null : refusal(Number(mail.reply), `no: ${links.join(' ')}`)
      }
    },
  })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  const mail: QuotingMail = {
    url: `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}?ignoreTLS=true`,
    emails: [],
    reply: 'taken',
    given: new Map(),
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
  return mail
}
