import type { LinkPurpose } from '@/lib/password-reset/reset-link'
import { signedLinks } from '@/e2e/support/signed-links'
import type { Person, RunningApp } from '@/e2e/support/running-app'

/** The address of a link as an email would have it; `age` in seconds. */
export async function linkTo(
  app: RunningApp,
  person: Person,
  { age = 0, purpose = 'reset' }: { age?: number; purpose?: LinkPurpose } = {},
): Promise<string> {
  const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person, { age, purpose })
  const page = purpose === 'reset' ? 'reset-password' : 'cancel-reset'
  return addressOf(app, { user_id, timestamp: String(timestamp), signature }, page)
}

export function addressOf(
  app: RunningApp,
  parameters: Record<string, string>,
  page: 'reset-password' | 'cancel-reset' = 'reset-password',
): string {
  return `${app.url}/${page}/?${new URLSearchParams(parameters)}`
}
