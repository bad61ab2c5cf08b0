import * as requestLink from '@/app/api/v1/accounts/send-reset-password-link/route'
import * as reset from '@/app/api/v1/accounts/reset-password/route'
import type { Installation } from '@/e2e/support/installation'
import { shared } from '@/e2e/support/endpoints'
import { readLink } from '@/e2e/support/running-app'

const endpoints = { 'send-reset-password-link': requestLink, 'reset-password': reset }

export type Response = { status: number; headers: Record<string, string>; text: string }

/** Posts to an endpoint. Returns the response without its request id. */
export async function post(
  { services }: Installation,
  endpoint: keyof typeof endpoints,
  fields: object,
): Promise<Response> {
  shared.rekeyServices = services
  const response = await endpoints[endpoint].POST(
    new Request(`http://localhost:3000/api/v1/accounts/${endpoint}/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(fields),
    }),
  )
  const { 'x-request-id': _, ...headers } = Object.fromEntries(response.headers)
  return { status: response.status, headers, text: await response.text() }
}

export async function resetByEndpoint(
  installation: Installation,
  email: string,
  password: string,
): Promise<{ status: number; json: unknown }> {
  const requested = await post(installation, 'send-reset-password-link', { login: email })
  if (requested.status !== 200) throw new Error(`The request got ${requested.status}: ${requested.text}`)
  const { link } = await installation.sink.next(email)
  const { status, text } = await post(installation, 'reset-password', { ...readLink(link), password })
  return { status, json: JSON.parse(text) }
}

export const done = { status: 200, json: { detail: 'Reset password successful' } }
