import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startApp, type RunningApp } from './running-app'

export type Line = [name: string, value: string]

export const ask = '/api/v1/accounts/send-reset-password-link/'
export const reset = '/api/v1/accounts/reset-password/'
export const cancel = '/api/v1/accounts/cancel-reset-password/'

/** An app with low limits per client. It trusts one proxy, so that a test can send requests as many clients. */
export function startBuiltApp(): Promise<RunningApp> {
  return startApp({
    env: { TRUSTED_PROXY_HOPS: '1', LIMIT_REQUESTS_PER_CLIENT: '5/1h', LIMIT_RESETS_PER_CLIENT: '5/1h' },
  })
}

let clients = 0
/** The header with which the trusted proxy names a new client. */
export function newClient(): Line {
  clients += 1
  return ['X-Forwarded-For', `198.51.${clients >> 8}.${clients & 255}`]
}

/** A file that `next build` wrote. */
export function built(name: string) {
  return JSON.parse(readFileSync(path.join('.next', name), 'utf8'))
}
