import { randomBytes } from 'node:crypto'
import type { CountedEmail, EmailAllowance } from '@/lib/rate-limits/email-limits'

/** An email to count, to a mailbox of its own unless the facts name one. */
export const countedEmail = (facts: Partial<CountedEmail> = {}): CountedEmail => ({
  address: `${randomBytes(8).toString('hex')}@example.com`,
  accountId: 'an account',
  first: false,
  bypassesMailbox: false,
  isOnTurn: async () => false,
  ...facts,
})

/** @throws Error if the email was refused, and so has no counts */
export async function releaseEmail(allowance: EmailAllowance): Promise<void> {
  if (!allowance.ok) throw new Error('The email was refused.')
  await allowance.release()
}
