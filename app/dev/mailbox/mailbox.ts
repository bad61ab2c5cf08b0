import { notFound } from 'next/navigation'
import { connection } from 'next/server'
import type { DevMailbox, StoredEmailContent } from '@/lib/mail/dev-mailbox'
import { pathInApp } from '@/lib/config/paths-in-app'
import { services } from '@/services'

export function mailboxPath(): string {
  return pathInApp(services().settings, '/dev/mailbox/')
}

/** Returns the mailbox of demo and dev. The response is 404 in production, and if SMTP_URL is set. */
export async function requireMailbox(): Promise<DevMailbox> {
  await connection() // makes Next render at each request, because a build has no settings
  const { mailbox, settings } = services()
  if (mailbox === undefined || settings.mode === 'production') notFound()
  return mailbox
}

export async function requireEmail(id: string): Promise<StoredEmailContent> {
  const email = await (await requireMailbox()).open(id)
  if (email === null) notFound()
  return email
}
