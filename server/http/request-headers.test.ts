import { globSync, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { hasForwardingHeaders, keepKnownHeaders } from './request-headers'

function requestWith(names: string[]): IncomingMessage {
  return {
    headers: Object.fromEntries(names.map((name) => [name, 'x'])),
    headersDistinct: Object.fromEntries(names.map((name) => [name, ['x']])),
    rawHeaders: names.flatMap((name) => [name.toUpperCase(), 'x']),
  } as unknown as IncomingMessage
}

/** The headers that reach Next. Expects the same ones in all three forms of a request. */
function keptHeaders(names: string[], dev = false): string[] {
  const request = requestWith(names)
  keepKnownHeaders(request, dev)
  expect(request.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())).toEqual(
    Object.keys(request.headers),
  )
  expect(Object.keys(request.headersDistinct)).toEqual(Object.keys(request.headers))
  return Object.keys(request.headers)
}

function namesInNext(): string[] {
  const files = globSync(
    'node_modules/next/dist/{server,shared/lib,lib,client/components,build/templates}/**/*.js',
  )
  const names = new Set<string>()
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const [, name] of text.matchAll(/headers(?:\.get\(|\.has\(|\[)['"]([a-z][a-z0-9-]+)['"]/g))
      names.add(name!)
    for (const [, name] of text.matchAll(/_(?:HEADER|URL) = '([a-z][a-z0-9-]+)'/g)) names.add(name!)
  }
  return [...names].sort()
}

describe('request headers that reach Next', () => {
  test('only harmless headers of all that the installed Next knows reach it [C16]', () => {
    const names = namesInNext()
    // These headers were used in attacks, so they show that the search works.
    for (const name of [
      'x-middleware-set-cookie',
      'next-action',
      'x-forwarded-host',
      'content-security-policy',
      'next-resume',
    ]) {
      expect(names).toContain(name)
    }
    expect(keptHeaders(names)).toEqual(
      [
        'accept',
        'accept-language',
        'access-control-request-headers',
        'connection',
        'content-length',
        'content-type',
        'cookie',
        'origin',
        'sec-fetch-dest',
        'sec-fetch-mode',
        'sec-fetch-site',
        'transfer-encoding',
        'user-agent',
      ].filter((name) => names.includes(name)),
    )
  })

  test.each([
    ['__prerender_bypass=a', undefined],
    ['__prerender_bypass=a;__next_preview_data=b; NEXT_LOCALE=de', undefined],
    ['sessionid=a; __next_preview_data=b; trusted=c', 'sessionid=a; trusted=c'],
    ['sessionid=a;\t__PRERENDER_bypass=b', 'sessionid=a'],
    ['next-instant-navigation-testing=1; my-next-step=b', 'my-next-step=b'],
    ['sessionid=a; of=__prerender_bypass', 'sessionid=a; of=__prerender_bypass'],
    ['next-auth.session-token=a; __next_b=c', 'next-auth.session-token=a'],
    ['__Secure-next-auth.session-token=a', '__Secure-next-auth.session-token=a'],
  ])('the cookies that Next acts on are removed from %j [C16, S2]', (sent, expected) => {
    const request = requestWith(['accept'])
    request.headers.cookie = sent
    request.headersDistinct.cookie = [sent]
    request.rawHeaders.push('Cookie', sent)
    keepKnownHeaders(request, false)
    const { headers, headersDistinct, rawHeaders } = request
    expect([headers.cookie, headersDistinct.cookie?.[0], rawHeaders[3]]).toEqual([
      expected,
      expected,
      expected,
    ])
    expect(rawHeaders).toHaveLength(expected === undefined ? 2 : 4)
  })

  test('the dev server gets the headers of its client, and no action, policy or forwarding header', () => {
    expect(
      keptHeaders(
        ['rsc', 'next-router-state-tree', 'next-hmr-refresh', 'next-url', 'sec-websocket-key', 'upgrade'],
        true,
      ),
    ).toHaveLength(6)
    expect(
      keptHeaders([
        'rsc',
        'next-router-state-tree',
        'next-hmr-refresh',
        'next-url',
        'sec-websocket-key',
        'upgrade',
      ]),
    ).toEqual([])
    expect(
      keptHeaders(
        [
          'next-action',
          'next-resume',
          'x-forwarded-for',
          'content-security-policy',
          'x-middleware-rewrite',
          'x-rekey-client',
        ],
        true,
      ),
    ).toEqual([])
  })

  test.each([
    'x-forwarded-for',
    'x-forwarded-proto',
    'x_forwarded_for',
    'forwarded',
    'x-real-ip',
    'x-original-url',
    'cf-connecting-ip',
    'true-client-ip',
  ])('%s counts as a forwarding header [R5]', (name) => {
    expect(hasForwardingHeaders(requestWith(['accept', name]))).toBe(true)
  })

  test('ordinary headers do not count as forwarding headers [R5]', () => {
    expect(
      hasForwardingHeaders(requestWith(['accept', 'origin', 'x-csrftoken', 'x-requested-with', 'via'])),
    ).toBe(false)
  })
})
