import fc from 'fast-check'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { asForm, asMultipart } from '@/e2e/support/form-bodies'
import { isLong } from '@/e2e/support/long-form'
import { requiredSettings } from '@/e2e/support/required-settings'
import { resetPasswordOptionsResponse, resetPasswordSchema, linkRequestBodySchema } from './request-schemas'
import { readSettings } from '@/lib/config/settings'
import { handleUnsupportedMethod, handleOptions, handlePost, type HandlerDependencies } from './handler'
import { requireValidFields } from './request-fields'
import { linkParameters } from './form-redirect'
import { ThrottledError } from './errors'

const numRuns = isLong ? 100_000 : 200
if (isLong) vi.setConfig({ testTimeout: 900_000 })

const front = 'https://front.example'
const logged: string[] = []
const dependencies: HandlerDependencies = {
  settings: readSettings({ ...requiredSettings, CORS_ALLOWED_ORIGINS: front }),
  log: pino({ level: 'trace' }, { write: (line) => void logged.push(line) }),
  configuration: {},
}

const pages = {
  done: '/reset-password/done/',
  back: (fields: Record<string, unknown>) => `/reset-password/?${linkParameters(fields)}`,
}

const knownHeaders: Record<string, RegExp> = {
  'content-type': /^application\/json$/,
  'content-language': /^[a-z]{2}(-[A-Z][A-Za-z]{1,3})?$/,
  vary: /^(Accept, Accept-Language, Origin|Origin, Access-Control-Request-Headers)$/,
  'error-codes': /^[a-z_]+=[a-z-]+(, [a-z_]+=[a-z-]+)*$/,
  'cache-control': /^no-store$/,
  allow: /^POST, OPTIONS$/,
  'retry-after': /^\d+$/,
  location: /^\/(?!\/)[!-~]*$/,
  'access-control-allow-methods': /^POST$/,
  'access-control-allow-headers': /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(, [!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/,
  'access-control-max-age': /^600$/,
}

const line = fc
  .oneof(fc.string({ unit: 'binary-ascii', maxLength: 60 }), fc.string({ unit: 'binary', maxLength: 60 }))
  .map((text) => text.replace(/[^\x20-\x7e\xa0-\xff]/g, '').trim())
const oneOf = (...values: string[]) => fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, line)
const headers = fc.record(
  {
    accept: oneOf('text/html', '*/*', 'application/json'),
    'accept-language': oneOf('de', 'pt-BR;q=0.5'),
    origin: oneOf(front, 'null', `${front}.evil.example`),
    'sec-fetch-site': oneOf('same-origin', 'cross-site'),
    'content-length': oneOf('7', '16385'),
    'access-control-request-method': oneOf('POST'),
    'access-control-request-headers': oneOf('content-type,x-csrftoken', 'x-a,*'),
    'x-rekey-client': oneOf('203.0.113.7'),
    'x-rekey-request-id': line,
  },
  { requiredKeys: [] },
)
const types = oneOf(
  'application/json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
)

const breaking = fc.constantFrom(
  '\r\n',
  '\n',
  '\r',
  '\u0085',
  '\u2028',
  '\0',
  '\ud800',
  'Set-Cookie: a=b',
  '//evil',
  '%0d%0a',
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.oneof(breaking, fc.string({ maxLength: 6 })), { maxLength: 6 }).map((parts) => parts.join('')),
)
const fields = fc.dictionary(
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('login', 'user_id', 'timestamp', 'signature', 'password') },
    text,
  ),
  fc.oneof({ weight: 6, arbitrary: text }, fc.constantFrom('0', '1790000000'), fc.jsonValue({ maxDepth: 2 })),
  { maxKeys: 6 },
)
const bodies = fc.oneof(
  fields.map((object) => JSON.stringify(object)),
  fields.map(asForm),
  fields.map(asMultipart),
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
)

/** Expects a code in the header for each message in the body, field by field, and no header without field errors. */
async function expectCodesOfFields(response: Response): Promise<void> {
  const body: unknown = response.status === 400 ? await response.json() : {}
  const messages = Object.entries(body as Record<string, unknown>).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map(() => name) : [],
  )
  const named =
    response.headers
      .get('error-codes')
      ?.split(', ')
      .map((code) => code.split('=', 1)[0]) ?? []
  expect(named).toEqual(messages)
}

test('any input gets a response of a known status with known headers, and no error is logged [C15, I1, C7]', async () => {
  const statuses: Record<number, number> = {}
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('send', 'reset', 'throttled', 'OPTIONS', 'PUT'),
      headers,
      types,
      bodies,
      oneOf('', 'de', '../de', 'x?y=z'),
      async (what, given, type, body, chosen) => {
        logged.length = 0
        const method = what === 'OPTIONS' || what === 'PUT' ? what : 'POST'
        const request = new Request('http://127.0.0.1/api/', {
          method,
          headers: {
            ...given,
            'content-type': type,
            'x-rekey-language': chosen,
          } as Record<string, string>,
          ...(method === 'OPTIONS' ? {} : { body }),
        })
        const response =
          method === 'OPTIONS'
            ? handleOptions(dependencies, request, () =>
                resetPasswordOptionsResponse({ passwordConfirm: true }),
              )
            : method === 'PUT'
              ? handleUnsupportedMethod(dependencies, request)
              : await handlePost(dependencies, request, pages, async (posted) => {
                  const received = await posted.fields()
                  if (what === 'throttled') throw new ThrottledError(7)
                  if (what === 'send') requireValidFields(linkRequestBodySchema('login'), received)
                  else requireValidFields(resetPasswordSchema({ passwordConfirm: false }), received)
                  return what === 'send' ? 'link-sent-if-exists' : 'reset-successful'
                })
        statuses[response.status] = (statuses[response.status] ?? 0) + 1
        expect(response.status).toBeLessThan(500)
        const unknown = [...response.headers].filter(
          ([name, value]) => knownHeaders[name]?.test(value) !== true,
        )
        expect(unknown).toEqual([])
        await expectCodesOfFields(response)
        const location = response.headers.get('location')
        if (location !== null) expect(new URL(location, 'http://here').host).toBe('here')
        // An unexpected error would be logged. The only line allowed is the one about many refused requests.
        expect(logged.filter((line) => !String(line).includes('"event":"requests_refused"'))).toEqual([])
      },
    ),
    { numRuns },
  )
  // Mere noise would get the same response.
  for (const status of [200, 400, 403, 405, 406]) expect(Object.keys(statuses)).toContain(String(status))
  expect(Object.keys(statuses).length).toBeGreaterThan(6)
})
