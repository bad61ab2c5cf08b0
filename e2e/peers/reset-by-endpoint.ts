import * as ask from '@/app/api/v1/accounts/send-reset-password-link/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import type { Installation } from '@/e2e/support/installation'
import { readLink } from '@/e2e/support/running-app'
import type { Services } from '@/services'

/** Where the handlers find their parts. */
const shared = globalThis as { rekeyServices?: Services }

/** Requests a link at the endpoint, takes it from the email and sets a password at the other endpoint. */
export async function resetByEndpoint(
  { services, sink }: Installation,
  email: string,
  password: string,
): Promise<{ status: number; json: unknown }> {
  shared.rekeyServices = services
  const asked = await ask.POST(requestTo('send-reset-password-link', { login: email }))
  if (asked.status !== 200) throw new Error(`The request was answered ${asked.status}: ${await asked.text()}`)
  const { link } = await sink.next(email)
  const response = await reset.POST(requestTo('reset-password', { ...readLink(link), password }))
  return { status: response.status, json: await response.json() }
}

export const done = { status: 200, json: { detail: 'Reset password successful' } }

function requestTo(endpoint: string, fields: object): Request {
  return new Request(`http://localhost:3000/api/v1/accounts/${endpoint}/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(fields),
  })
}
