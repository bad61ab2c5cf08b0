import { readFileSync } from 'node:fs'
import path from 'node:path'
import { newClient } from './new-client'
import { startApp, type RunningApp } from './running-app'

export type Line = [name: string, value: string]

/** An app with low limits per client. It trusts one proxy, so that a test can send requests as many clients. */
export function startBuiltApp(): Promise<RunningApp> {
  return startApp({
    env: { TRUSTED_PROXY_HOPS: '1', LIMIT_REQUESTS_PER_CLIENT: '5/1h', LIMIT_RESETS_PER_CLIENT: '5/1h' },
  })
}

export function newClientHeader(): Line {
  return ['X-Forwarded-For', newClient()]
}

export function built(name: string) {
  return JSON.parse(readFileSync(path.join('.next', name), 'utf8'))
}
