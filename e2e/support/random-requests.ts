import fc from 'fast-check'
import { cancelPath, requestLinkPath, resetPath } from './endpoint-paths'
import { asForm, asMultipart } from './form-bodies'

type Link = { user_id: string; timestamp: number; signature: string }
export type RandomRequest = { method: string; path: string; headers: [string, string][]; body: Buffer }

/** @param links valid links, so that requests also reach the code behind the check of the signature */
export function randomRequests(links: Link[]): fc.Arbitrary<RandomRequest> {
  return fc
    .record({
      method: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom('POST', 'GET') },
        fc.constantFrom(
          'HEAD',
          'OPTIONS',
          'PUT',
          'PATCH',
          'DELETE',
          'TRACE',
          'PROPFIND',
          'QUERY',
          'M-SEARCH',
          'LINK',
        ),
      ),
      path,
      content: contentWith(links),
      headers: fc.array(header, { maxLength: 4 }),
    })
    .map(({ method, path, headers, content: [type, body] }) => ({
      method,
      path,
      headers: method === 'POST' || method === 'PUT' ? [['Content-Type', type], ...headers] : headers,
      body:
        method === 'POST' || method === 'PUT' || method === 'DELETE' ? Buffer.from(body) : Buffer.alloc(0),
    }))
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '0',
    'null',
    '\0',
    '\ud800',
    '\r\n',
    '../..',
    '%',
    '%00',
    '{}',
    "' OR 1=1 --",
    '${7*7}',
    '\ufeff',
  ),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'length'),
  fc
    .integer({ min: 0, max: 16_000 })
    .chain((length) => fc.constantFrom('a', 'é', '😀', '1').map((one) => one.repeat(length / 2))),
  fc.emailAddress(),
)
const value = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.bigInt().map(String),
)
const names = [
  'login',
  'email',
  'user_id',
  'timestamp',
  'signature',
  'password',
  'password_confirm',
  'problem',
  'language',
]

const types = fc.oneof(
  fc.constantFrom(
    'application/json; charset=utf-16',
    'application/json;charset=',
    'APPLICATION/JSON',
    'application/json, text/plain',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary="\\"',
    'text/plain',
    'text/x-component',
    ';;;',
    '/',
  ),
  fc.string({ maxLength: 30 }).map(printable),
)
const anything = fc.tuple(
  types,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)
const header: fc.Arbitrary<[string, string]> = fc.tuple(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...[
          'Accept',
          'Accept-Language',
          'Accept-Encoding',
          'Origin',
          'Sec-Fetch-Site',
          'Sec-Fetch-Mode',
          'Cookie',
        ],
        ...[
          'Authorization',
          'Range',
          'If-None-Match',
          'If-Modified-Since',
          'If-Match',
          'Expect',
          'Upgrade',
          'TE',
        ],
        ...['X-Forwarded-For', 'X-Forwarded-Proto', 'Forwarded', 'X-CSRFToken', 'X-Nonce', 'Next-Url', 'RSC'],
        ...[
          'Access-Control-Request-Method',
          'Access-Control-Request-Headers',
          'Content-Encoding',
          'User-Agent',
          'Date',
        ],
      ),
    },
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/).map((name) => `X-${name}`),
  ),
  fc.oneof(
    fc.constantFrom(
      '*/*',
      'text/html',
      'application/json',
      'application/json;q=',
      'null',
      'same-origin',
      'de',
      'xx-',
      '1',
    ),
    fc.constantFrom(
      '100-continue',
      'gzip',
      'h2c',
      'bytes=0-',
      '*',
      'Basic =',
      'a=%',
      'http://',
      '"',
      ';q=9',
      ',',
    ),
    fc.string({ unit: 'binary', maxLength: 60 }).map(printable),
    fc.integer({ min: 0, max: 8_000 }).map((length) => 'a,'.repeat(length / 2)),
  ),
)

const query = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constantFrom(...names, '_rsc', 'nxtPid', '__nextLocale', 'callbackUrl'), text),
      text,
    ),
    { maxLength: 5 },
  )
  .map((pairs) => pairs.map(([name, one]) => `${escape(name)}=${escape(one)}`).join('&'))
const path = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(requestLinkPath, resetPath, cancelPath) },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          ...[
            '/',
            '/forgot-password/',
            '/forgot-password/sent/',
            '/reset-password/',
            '/reset-password/done/',
          ],
          ...[
            '/cancel-reset/',
            '/cancel-reset/done/',
            '/.well-known/change-password',
            '/api/health/live',
            '/icon.svg',
          ],
          ...[
            '/_next/static/chunks/x.js',
            '/_next/image',
            '/dev/mailbox/',
            '/dev/mailbox/x',
            '/nowhere',
            '/_not-found',
          ],
          ...['/_global-error', '/_error', '/404', '/500', '/index', '/api', '/favicon.ico'],
        ),
      },
      fc.webPath(),
      text.map((segment) => `/${escape(segment)}`),
    ),
    fc.option(query, { nil: '' }),
    fc.boolean(),
  )
  .map(([start, rest, withoutSlash]) => {
    const target = withoutSlash && start.length > 1 ? start.replace(/\/$/, '') : start
    return `${target || '/'}${rest && `?${rest}`}`.slice(0, 8_000)
  })

function fieldsWith(links: Link[]): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .tuple(
      fc.option(fc.nat(links.length - 1), { nil: undefined }),
      fc.dictionary(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...names) }, text), value, {
        maxKeys: 6,
      }),
    )
    .map(([link, rest]) => ({ ...(link !== undefined && links[link]), ...rest }))
}

function contentWith(links: Link[]): fc.Arbitrary<[string, string | Buffer]> {
  const wellFormed = fieldsWith(links).chain((object) =>
    fc.constantFrom<[string, string][]>(
      ['application/json', JSON.stringify(object) ?? ''],
      ['application/x-www-form-urlencoded', asForm(object)],
      ['multipart/form-data; boundary=x', asMultipart(object)],
    ),
  )
  const damaged = fc
    .tuple(wellFormed, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }))
    .map(([[type, body], changes]): [string, Buffer] => {
      const bytes = [...Buffer.from(body)]
      for (const [at, byte, how] of changes)
        bytes.splice(bytes.length === 0 ? 0 : at % bytes.length, how === 0 ? 1 : how - 1, byte)
      return [type, Buffer.from(bytes)]
    })
  return fc.oneof(
    { weight: 4, arbitrary: wellFormed },
    { weight: 3, arbitrary: damaged },
    { weight: 1, arbitrary: anything },
  )
}

/** Removes the characters that Node's client rejects in a header: control characters, and all beyond Latin-1. */
function printable(characters: string): string {
  return characters.replace(/[^\x20-\x7e\xa0-\xff]/g, '').trim()
}

/** Percent-encodes the characters that a request target must not have, and leaves all others, `%` included. */
function escape(characters: string): string {
  return characters.replace(/[^\x21-\x7e]/gu, (one) =>
    [...Buffer.from(one)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}
