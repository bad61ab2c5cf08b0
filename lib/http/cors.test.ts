import { describe, expect, test } from 'vitest'
import { corsHeaders, preflightOnlyHeaders } from './cors'

const front = 'https://front.example'
const allowed = [front, 'http://app.localhost:5173']

const allowedNames = (requested: string | null) =>
  preflightOnlyHeaders(requested)['Access-Control-Allow-Headers']

describe('the origin of a request [H9]', () => {
  test.each(allowed)(
    'the listed origin %s is named in the response and may read it, with credentials',
    (origin) => {
      expect(corsHeaders(origin, allowed)).toEqual({
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': 'Retry-After, Error-Codes, X-Request-Id',
      })
    },
  )

  test.each([
    ['is another site', 'https://evil.example'],
    ['is null', 'null'],
    ['is empty', ''],
    ['is missing', undefined],
    ['is a wildcard', '*'],
    ['begins like a listed one', 'https://front.example.evil.example'],
    ['ends like a listed one', 'https://evilfront.example'],
    ['is a subdomain of a listed one', 'https://evil.front.example'],
    ['is cut short', 'https://front.exampl'],
    ['has no TLS', 'http://front.example'],
    ['has another scheme', 'capacitor://front.example'],
    ['has another port', 'https://front.example:8443'],
    ['spells the default port', 'https://front.example:443'],
    ['has a user name', 'https://user@front.example'],
    ['has a listed one for a user name', 'https://front.example@evil.example'],
    ['has a path', 'https://front.example/'],
    ['ends in a dot', 'https://front.example.'],
    ['is in capitals', 'https://FRONT.example'],
    ['is a list', `${front}, https://evil.example`],
    ['is on another port of a listed local name', 'http://app.localhost:5174'],
  ])('an origin that %s gets no CORS headers', (_what, origin) => {
    expect(corsHeaders(origin, allowed)).toEqual({})
  })
})

describe('the header names that a preflight requests [V4, H9]', () => {
  test.each([
    'content-type,x-csrftoken',
    'authorization,content-type,x-xsrf-token',
    'baggage,content-type,sentry-trace',
    "traceparent , tracestate\t, x_y.z~!#$%&'*+^`|",
  ])('a preflight may use the header names %s', (requested) => {
    expect(allowedNames(requested)?.split(', ')).toEqual(requested.split(',').map((name) => name.trim()))
  })

  const names = (count: number) => Array.from({ length: count }, (_, at) => `x-${at}`).join(',')
  const sized = (bytes: number) => `x-a,${'x'.repeat(bytes - 4)}`

  test.each([
    ['64 names', names(64)],
    ['2 KiB', sized(2048)],
  ])('a preflight may request header names up to %s', (_what, requested) => {
    expect(allowedNames(requested)?.replaceAll(', ', ',')).toBe(requested)
  })

  test.each([
    ['the list has 65', names(65)],
    ['the list has 2 KiB and a byte', sized(2049)],
    ['one has a line break', 'x-a,x-b\r\nSet-Cookie: a=b'],
    ['one has a space', 'x-a,x b'],
    ['one is not a token', 'x-a,x(b)'],
    ['one is a header with its value', 'x-a: 1'],
    ['one is not ASCII', 'x-a,x-\u00fc'],
    ['one is empty', 'x-a,,x-b'],
    ['all are empty', ''],
    ['there is no list', null],
    ['one would mean every header', '*'],
    ['one of several would mean every header', 'x-a, *'],
  ])('no header names are allowed if %s', (_what, requested) => {
    expect(preflightOnlyHeaders(requested)).toEqual({
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Max-Age': '600',
      Vary: 'Origin, Access-Control-Request-Headers',
    })
  })
})
