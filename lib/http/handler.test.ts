import { expect, test } from 'vitest'
import { createLog } from '@/lib/logging/log'
import { readSettings } from '@/lib/config/settings'
import { handlePost } from './handler'
import type { RequestErrorCode } from './error-codes'
import { ApiError } from './errors'

const settings = readSettings({
  SECRET_KEY: 'Tq7wL2nVx9Zr4KfB8mPd3Yc6HsJ1GuEo',
  DATABASE_URL: 'postgresql://rekey@localhost/rekey',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://localhost?ignoreTLS=true',
  VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
  LOG_LEVEL: 'fatal',
})
const pages = { done: '/done/', back: () => '/form/' }

/** What a browser's form gets, or a client of JSON, where the handler refuses. */
function refusedWith(code: RequestErrorCode, kind: 'form' | 'json'): Promise<Response> {
  const headers: Record<string, string> =
    kind === 'form'
      ? { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html,*/*;q=0.8' }
      : { 'Content-Type': 'application/json' }
  const request = new Request('https://id.example.com/endpoint/', { method: 'POST', headers, body: 'x' })
  const edge = { settings, log: createLog('silent', 'test'), configuration: {} }
  return handlePost(edge, request, pages, () => Promise.reject(new ApiError(code)))
}

test.each<[RequestErrorCode, string]>([
  ['user-not-found', 'user-not-found'],
  ['link-exhausted', 'link-exhausted'],
  ['second-factor-required', 'second-factor-required'],
  ['second-factor-exhausted', 'second-factor-exhausted'],
  ['throttled', 'throttled'],
  ['unavailable', 'unavailable'],
  ['internal', 'unavailable'],
  ['signature-used', 'signature-used'],
  ['body-too-large', 'refused'],
])('without JavaScript, the refusal %s leads back with the code %s [U7]', async (code, told) => {
  const answer = await refusedWith(code, 'form')
  expect([answer.status, answer.headers.get('location')]).toEqual([303, `/form/?error=${told}`])
})

test.each<[RequestErrorCode, string]>([
  ['second-factor-required', 'A second factor is required to reset this password'],
  ['second-factor-exhausted', 'Too many attempts with this link. Please ask for a new one.'],
  ['link-exhausted', 'Too many attempts with this link. Please ask for a new one.'],
])(
  'a client hears of the second factor and of a used-up link by the code %s, and of no time to wait for [S4, W9]',
  async (code, detail) => {
    const answer = await refusedWith(code, 'json')
    expect([answer.status, await answer.json()]).toEqual([403, { detail, code }])
    expect(answer.headers.get('retry-after')).toBeNull()
  },
)
