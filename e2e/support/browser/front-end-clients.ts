import type { Page } from 'playwright/test'

export type Call = { how: 'fetch' | 'xhr'; url: string; headers: Record<string, string>; body: string }
type Readable = { status: number; body: unknown; codes: string | null; retryAfter: string | null } | 'blocked'

/** Sends a request with credentials. Returns what a script of the page can read of the response. */
export function call(page: Page, sent: Call): Promise<Readable> {
  return page.evaluate(async ({ how, url, headers, body }) => {
    if (how === 'fetch') {
      const response = await fetch(url, { method: 'POST', headers, body, credentials: 'include' }).catch(
        () => null,
      )
      if (response === null) return 'blocked'
      const [codes, retryAfter] = ['Error-Codes', 'Retry-After'].map((name) => response.headers.get(name))
      return { status: response.status, body: await response.json(), codes: codes!, retryAfter: retryAfter! }
    }
    return new Promise<Readable>((resolve) => {
      const request = new XMLHttpRequest()
      request.open('POST', url)
      request.withCredentials = true
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
      request.onerror = () => resolve('blocked')
      request.onload = () => {
        const [codes, retryAfter] = ['Error-Codes', 'Retry-After'].map((name) =>
          request.getResponseHeader(name),
        )
        resolve({
          status: request.status,
          body: JSON.parse(request.responseText),
          codes: codes!,
          retryAfter: retryAfter!,
        })
      }
      request.send(body)
    })
  }, sent)
}

const json = { 'Content-Type': 'application/json' }
const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']

export const clients: Record<string, Omit<Call, 'url' | 'body'>> = {
  // axios 1.21.1, lib/defaults/index.js and lib/helpers/resolveConfig.js, with `xsrfHeaderName` for Django.
  axios: {
    how: 'xhr',
    headers: { ...json, Accept: 'application/json, text/plain, */*', 'X-CSRFToken': 'token' },
  },
  // ky 1.14.3, distribution/core/Ky.js: `ky.post(url, { json }).json()`.
  ky: { how: 'fetch', headers: { 'content-type': 'application/json', accept: 'application/json' } },
  // @angular/common 21.2.26, fesm2022/_module-chunk.mjs: HttpXhrBackend and the XSRF interceptor.
  'HttpClient of Angular': {
    how: 'xhr',
    headers: { ...json, Accept: 'application/json, text/plain, */*', 'X-XSRF-TOKEN': 'token' },
  },
  // @sentry/core 11.12.0, build/esm/utils/tracing.js and fetch.js.
  'the SDK of Sentry': {
    how: 'fetch',
    headers: {
      ...json,
      'sentry-trace': `${trace}-${span}-1`,
      baggage: `sentry-environment=production,sentry-trace_id=${trace}`,
      traceparent: `00-${trace}-${span}-01`,
    },
  },
  // @opentelemetry/core 2.12.1, build/esm/trace/W3CTraceContextPropagator.js.
  'the SDK of OpenTelemetry': {
    how: 'fetch',
    headers: {
      ...json,
      traceparent: `00-${trace}-${span}-01`,
      tracestate: 'congo=t61rcWkgMzE,rojo=00f067aa0ba902b7',
    },
  },
  'a client with all other common headers': {
    how: 'xhr',
    headers: {
      ...json,
      'X-Requested-With': 'XMLHttpRequest',
      Authorization: 'Bearer token',
      'Cache-Control': 'no-cache',
      Pragma: 'no-cache',
      'Accept-Language': 'en',
      'X-Api-Key': 'key',
    },
  },
}
