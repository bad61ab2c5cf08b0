import { notFound } from 'next/navigation'
import { connection } from 'next/server'
import type { Mailbox, OpenedLetter } from '@/lib/mail/dev-mailbox'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'

/** The link to these pages. */
export function mailboxPath(): string {
  return pathInApp(services().settings, '/dev/mailbox/')
}

/** The mailbox of demo and dev. Anywhere else these pages do not exist. */
export async function requireMailbox(): Promise<Mailbox> {
  await connection() // decided per request: a build knows nothing of settings
  const { mailbox, settings } = services()
  if (mailbox === undefined || settings.mode === 'production') notFound()
  return mailbox
}

/** A caught letter; a page that does not exist where there is none. */
export async function requireLetter(id: string): Promise<OpenedLetter> {
  const letter = await (await requireMailbox()).open(id)
  if (letter === null) notFound()
  return letter
}
