import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatApiMessage, type ApiMessage } from '@/lib/i18n/api-messages'
import {
  resetPasswordOptionsResponse,
  sendLinkOptionsResponse,
  parseBodyFields,
  resetPasswordSchema,
  linkRequestBodySchema,
} from './request-schemas'
import { createPasswordPolicy } from '@/lib/passwords/policy'
import { parseBody, pythonTypeName } from '@/lib/http/body/parse'

// A response of Django REST Registration (DRR) about a signature or an account means that a request must pass here.

type Pair = {
  name: string
  settings: { REST_REGISTRATION?: Record<string, unknown>; django?: unknown }
  method: string
  path: string
  headers: [string, string][]
  body: string | null
  json: Record<string, unknown> | null
}

const { pairs } = JSON.parse(readFileSync('e2e/contract/recorded.json', 'utf8')) as { pairs: Pair[] }

const alice = { username: 'alice', email: 'alice@example.com', firstName: 'Alice', lastName: '', name: '' }

/** Where the contract differs from DRR: by its number, the response of Rekey. */
const differences: Record<string, object> = {
  // 6: numbers have one spelling, timestamps are integers, and floats are not texts
  'send:login float': { login: ['Not a valid string.'] },
  'send:login 1e400': { login: ['Not a valid string.'] },
  'reset:user_id JSON 1.0': { user_id: ['Not a valid string.'] },
  'reset:signature float': { signature: ['Not a valid string.'] },
  'reset:password float': { password: ['Not a valid string.'] },
  'reset:timestamp float 1.0': { timestamp: ['A valid integer is required.'] },
  'reset:signed timestamp negative': { timestamp: ['A valid integer is required.'] },
  'reset:signed timestamp 2^63': { timestamp: ['A valid integer is required.'] },
  'reset:timestamp string 1700000000.0': { timestamp: ['A valid integer is required.'] },
  'reset:timestamp string 1700000000.': { timestamp: ['A valid integer is required.'] },
  'reset:timestamp string 01700000000': { timestamp: ['A valid integer is required.'] },
  'reset:timestamp string full-width': { timestamp: ['A valid integer is required.'] },
  'reset:timestamp string 1001 chars': { timestamp: ['A valid integer is required.'] },
  // 7: passwords are not trimmed, so white space is a short password
  'reset:password newline only': {
    password: ['This password is too short. It must contain at least 8 characters.'],
  },
  'reset:confirm differs only by padding (both trimmed)': { password_confirm: ["Passwords don't match"] },
  // 46: repetitions are refused
  'reset:password 128 chars': { password: ['This password is too common.'] },
  'reset:password 8 combining': { password: ['This password is too common.'] },
  // 22: other charsets, invalid UTF-8 and multipart without its boundary are parse errors
  'send:form-encoded invalid utf-8': { detail: 'Form parse error - ' },
  'send:content-type charset utf-16 with utf-16 body': { detail: 'JSON parse error - ' },
  'send:content-type charset latin-1': { detail: 'JSON parse error - ' },
  'reset:content-type charset latin-1': { detail: 'JSON parse error - ' },
  'send:multipart wrong boundary': { detail: 'Multipart form parse error - ' },
  'reset:multipart wrong boundary': { detail: 'Multipart form parse error - ' },
}

const posted = pairs.filter(
  ({ name, method, headers, json }) =>
    method === 'POST' &&
    json !== null &&
    !name.startsWith('verification_enabled=False/') && // 404 before the body is read
    name !== 'non_field_errors_key/reset:not found' && // a setting that is not offered
    !headers.some(([header]) => header === 'Transfer-Encoding' || header === 'Accept'), // not about the body
)

describe('recorded responses of DRR', () => {
  test.each(posted.map((pair) => [pair.name, pair] as const))(
    'the response to %s is the one recorded from DRR, or its listed difference',
    async (name, pair) => {
      const response = await responseTo(pair)
      const expected = differences[name.slice(name.indexOf('/') + 1)] ?? withoutStrays(pair.json ?? {})
      const detail = 'detail' in expected ? String(expected.detail) : undefined
      if (detail === undefined) expect(response).toEqual(expected)
      else if (/ parse error - /.test(detail))
        expect(response).toEqual({ detail: expect.stringMatching(`^${detail.split(' - ')[0]} - .`) })
      else if (detail.startsWith('Unsupported')) expect(response).toEqual({ detail })
      else expect(Object.keys(response ?? {}).filter((field) => !field.startsWith('password'))).toEqual([])
      if (detail === 'Reset password successful') expect(response).toBeUndefined()
    },
  )

  test('each listed difference from DRR is one of a recorded request', () => {
    const names = posted.map(({ name }) => name.slice(name.indexOf('/') + 1))
    expect(Object.keys(differences).filter((name) => !names.includes(name))).toEqual([])
    expect(posted.length).toBeGreaterThan(170)
  })

  test.each([
    ['password_confirm=True/reset:OPTIONS', resetPasswordOptionsResponse({ passwordConfirm: true })],
    ['use_email=True + login_fields=[email]/send:OPTIONS', sendLinkOptionsResponse('email')],
  ])('the response to %s describes the same fields as DRR’s', (name, { name: title, fields }) => {
    expect(pairs.find((pair) => pair.name === name)?.json).toMatchObject({
      name: title,
      actions: { POST: fields },
    })
  })

  test('with the default settings, the response to OPTIONS describes the fields login and password', () => {
    const names = ['user_id', 'timestamp', 'signature', 'password']
    expect(Object.keys(resetPasswordOptionsResponse({ passwordConfirm: false }).fields)).toEqual(names)
    const login = { type: 'string', required: true, read_only: false, label: 'Login' }
    expect(sendLinkOptionsResponse('login').fields).toEqual({ login })
  })
})

async function responseTo({
  settings,
  path,
  headers,
  body,
}: Pair): Promise<Record<string, unknown> | undefined> {
  const contentType = headers.find(([header]) => header === 'Content-Type')?.[1] ?? null
  const bytes = body?.startsWith('hex:') ? Buffer.from(body.slice(4), 'hex') : Buffer.from(body ?? '')
  const parsed = await parseBody(bytes, contentType)
  if (!parsed.ok) {
    if (parsed.problem !== 'unsupported-media-type') return { detail: parsed.detail }
    return { detail: formatApiMessage('en', 'unsupported-media-type', { mediaType: parsed.mediaType }) }
  }
  const type = pythonTypeName(parsed.value)
  if (type === 'NoneType') return { non_field_errors: [formatApiMessage('en', 'no-data')] }
  if (type !== 'dict') return { non_field_errors: [formatApiMessage('en', 'not-an-object', { type })] }

  const { RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM, SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL } =
    settings.REST_REGISTRATION ?? {}
  if (path.includes('send-reset-password-link')) {
    const read = parseBodyFields(
      linkRequestBodySchema(SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL ? 'email' : 'login'),
      parsed.value,
    )
    return read.ok ? undefined : withMessages(read.problems)
  }
  const passwordConfirm = RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM === true
  const read = parseBodyFields(resetPasswordSchema({ passwordConfirm }), parsed.value)
  if (!read.ok) return withMessages(read.problems)

  const minLength = settings.django === undefined ? 8 : 12
  const policy = createPasswordPolicy({ minLength, outerSpaces: 'keep', host: 'localhost', appName: 'Rekey' })
  const { password, password_confirm } = read.value
  const problems = policy.findProblems(password, alice)
  const errors = {
    ...(problems.length > 0 ? withMessages({ password: problems }) : {}),
    ...(passwordConfirm && password !== password_confirm
      ? { password_confirm: [formatApiMessage('en', 'mismatch')] }
      : {}),
  }
  return Object.keys(errors).length > 0 ? errors : undefined
}

type Problem = { code: string; values?: Record<string, string | number>; min?: number; max?: number }

function withMessages(fields: Record<string, readonly Problem[]>): Record<string, string[]> {
  const messageOf = ({ code, values, min, max }: Problem) =>
    formatApiMessage('en', code as ApiMessage, {
      ...values,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
    })
  return Object.fromEntries(Object.entries(fields).map(([name, problems]) => [name, problems.map(messageOf)]))
}

/** Difference 16: the stray empty list. */
function withoutStrays(json: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(json).filter(([, value]) => !(Array.isArray(value) && value.length === 0)),
  )
}
