import nodemailer from 'nodemailer'
import { linkEmailConnections, smtpOptions } from '@/lib/mail/smtp-options'
import { serveOrders } from './orders'

export type BareMailOrder = {
  smtpUrl: string
  seconds: number
  content: { subject: string; text: string; html: string }
}

const transports = new Map<string, ReturnType<typeof nodemailer.createTransport>>()

function transportTo(smtpUrl: string) {
  const known = transports.get(smtpUrl)
  if (known !== undefined) return known
  const transport = nodemailer.createTransport({ ...smtpOptions(smtpUrl), pool: true })
  transports.set(smtpUrl, transport)
  return transport
}

serveOrders(async ({ smtpUrl, seconds, content }: BareMailOrder) => {
  const transport = transportTo(smtpUrl)
  const start = performance.now()
  const end = start + seconds * 1000
  let count = 0
  async function sendInTurn(): Promise<void> {
    while (performance.now() < end) {
      count += 1
      const to = `bare-${count}@example.com`
      await transport.sendMail({
        envelope: { from: 'no-reply@example.com', to: [to] },
        from: 'Bench <no-reply@example.com>',
        to,
        ...content,
        headers: { 'Auto-Submitted': 'auto-generated' },
        textEncoding: 'quoted-printable',
      })
    }
  }
  await Promise.all(Array.from({ length: linkEmailConnections }, sendInTurn))
  return { count, seconds: (performance.now() - start) / 1000 }
})
