import { expect, test } from 'vitest'
import { requiredSettings } from '@/e2e/support/required-settings'
import { createLog } from '@/lib/logging/log'
import { readSettings } from '@/lib/config/settings'
import { handlePost } from './handler'
import type { RequestErrorCode } from './error-codes'
import { ApiError } from './errors'

const settings = readSettings(requiredSettings)
const pages = { done: '/done/', back: () => '/form/' }

function respondWith(code: RequestErrorCode, kind: 'form' | 'json'): Promise<Response> {
  const headers: Record<string, string> =
    kind === 'form'
      ? { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html,*/*;q=0.8' }
      : { 'Content-Type': 'application/json' }
  const request = new Request('https://id.example.com/endpoint/', { method: 'POST', headers, body: 'x' })
  const dependencies = { settings, log: createLog('silent', 'test'), configuration: {} }
  return handlePost(dependencies, request, pages, () => Promise.reject(new ApiError(code)))
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
])('without JavaScript, the error %s leads back to the form with the code %s [U7]', async (code, shown) => {
  const response = await respondWith(code, 'form')
  expect([response.status, response.headers.get('location')]).toEqual([303, `/form/?error=${shown}`])
})

test.each<[RequestErrorCode, string]>([
  ['second-factor-required', 'A second factor is required to reset this password'],
  ['second-factor-exhausted', 'Too many attempts with this link. Please ask for a new one.'],
  ['link-exhausted', 'Too many attempts with this link. Please ask for a new one.'],
])(
  'a client of JSON gets the error %s with status 403, its message and no Retry-After [S4, W9]',
  async (code, detail) => {
    const response = await respondWith(code, 'json')
    expect([response.status, await response.json()]).toEqual([403, { detail, code }])
    expect(response.headers.get('retry-after')).toBeNull()
  },
)
