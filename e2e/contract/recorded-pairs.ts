import { readFileSync } from 'node:fs'
import type { LinkPurpose } from '@/lib/password-reset/reset-link'

// Pairs of request and response that were recorded from Django REST Registration (DRR), and what Rekey changes about them.

type DrrSettings = {
  REST_REGISTRATION?: Record<string, unknown>
  django?: { AUTH_PASSWORD_VALIDATORS: { OPTIONS: { min_length: number } }[] }
}

export type Pair = {
  name: string
  settings: DrrSettings
  method: string
  path: string
  headers: [string, string][]
  body: string | null
  status: number
  json: unknown
}

type Expected = { status: number; json: unknown }

export const { pairs } = JSON.parse(readFileSync('e2e/contract/recorded.json', 'utf8')) as { pairs: Pair[] }
export const decision = readFileSync(
  'docs/decisions/0008-deviations-from-django-rest-registration.md',
  'utf8',
)

/** The names of the pairs that decision 0008 lists as different, each with the number of its difference. */
export const listed = new Map(
  /```text\n(.*)\n```\s*$/s
    .exec(decision)![1]!
    .split('\n')
    .map((line) => /^(\d+) +(.+)$/.exec(line)!)
    .map(([, number, name]) => [name!, Number(number)]),
)

const invalid: Expected = { status: 400, json: { detail: 'Invalid signature', code: 'signature-invalid' } }
const used: Expected = { status: 400, json: { detail: 'Invalid signature', code: 'signature-used' } }
const expired: Expected = { status: 400, json: { detail: 'Signature expired', code: 'signature-expired' } }
export const reset: Expected = { status: 200, json: { detail: 'Reset password successful' } }
const linkSent: Expected = { status: 200, json: { detail: 'Reset link sent' } }
const noUser: Expected = { status: 400, json: { detail: 'User not found', code: 'user-not-found' } }
const notAcceptable: Expected = {
  status: 406,
  json: { detail: 'Could not satisfy the request Accept header.' },
}
const wrong = (field: string, ...messages: string[]): Expected => ({
  status: 400,
  json: { [field]: messages },
})
const noInteger = wrong('timestamp', 'A valid integer is required.')
const parseError = (kind: string): Expected => ({ status: 400, json: { detail: `${kind} parse error - …` } })

export const ownResponses: Record<string, Expected> = {
  'default/send:unicode username NFD form': linkSent,
  'default/reset:user_id zero-width space': invalid,
  'default/reset:tampered user_id (nonexistent)': invalid,
  'default/reset:tampered user_id 0': invalid,
  'default/reset:user_id 1.0': invalid,
  'default/reset:user_id null-like': invalid,
  'default/reset:nonexistent user validly signed': used,
  'default/reset:prec: bad signature + weak password': invalid,
  'default/reset:prec: bad signature + nonexistent user': invalid,
  'default/reset:prec: nonexistent user + bad signature + weak password': invalid,
  'default/reset:prec: expired + weak password': expired,
  'fail_when_user_not_found=False/reset:nonexistent + bad signature': invalid,
  'one_time_use=True/reset:nonexistent user': used,
  'password_confirm=True/reset:mismatch + expired': expired,
  'non_field_errors_key/reset:not found': used,
  'default/reset:signed future +1 h': invalid,
  'default/send:login float': wrong('login', 'Not a valid string.'),
  'default/send:login 1e400': wrong('login', 'Not a valid string.'),
  'default/reset:timestamp float 1.0': noInteger,
  'default/reset:signature float': wrong('signature', 'Not a valid string.'),
  'default/reset:password float': wrong('password', 'Not a valid string.'),
  'default/reset:user_id JSON 1.0': wrong('user_id', 'Not a valid string.'),
  'default/reset:signed timestamp negative': noInteger,
  'default/reset:signed timestamp 2^63': noInteger,
  'default/reset:timestamp string 1700000000.0': noInteger,
  'default/reset:timestamp string 1700000000.': noInteger,
  'default/reset:timestamp string 01700000000': noInteger,
  'default/reset:timestamp string full-width': noInteger,
  'default/reset:timestamp string 1001 chars': noInteger,
  'default/reset:password 128 chars': wrong('password', 'This password is too common.'),
  'default/reset:password 8 combining': wrong('password', 'This password is too common.'),
  'default/reset:password newline only': wrong(
    'password',
    'This password is too short. It must contain at least 8 characters.',
  ),
  'password_confirm=True/reset:confirm differs only by padding (both trimmed)': wrong(
    'password_confirm',
    "Passwords don't match",
  ),
  'one_time_use=True/send:inactive': noUser,
  'use_email=True + login_fields=[email]/send:inactive': noUser,
  'use_email=True + login_fields=[email]/send:case differs': linkSent,
  'default/reset:POST with Origin': { status: 403, json: { detail: 'Cross-origin request refused.' } },
  'default/send:Accept text/html (browsable API)': notAcceptable,
  'default/reset:Accept text/html (browsable API)': notAcceptable,
  'one_time_use=True/reset:state: email changed after issue': used,
  'default/send:Transfer-Encoding chunked (no Content-Length)': linkSent,
  'default/reset:Transfer-Encoding chunked (no Content-Length)': reset,
  'default/send:form-encoded invalid utf-8': parseError('Form'),
  'default/send:content-type charset utf-16 with utf-16 body': parseError('JSON'),
  'default/send:content-type charset latin-1': parseError('JSON'),
  'default/reset:content-type charset latin-1': parseError('JSON'),
  'default/send:multipart wrong boundary': parseError('Multipart form'),
  'default/reset:multipart wrong boundary': parseError('Multipart form'),
  'verification_enabled=False/reset:malformed JSON': { status: 404, json: { detail: 'Not found.' } },
  'one_time_use=True/reset:expired and used': expired,
  'default/send:Accept-Language de (no LocaleMiddleware)': wrong('login', 'Dieses Feld ist erforderlich.'),
}

export type AccountChange = 'a reset' | 'another email address' | 'a sign-in that hashed the password again'
export const changesSinceIssue: Record<string, AccountChange> = {
  'one_time_use=True/reset:reuse of used link': 'a reset',
  'one_time_use=True/reset:expired and used': 'a reset',
  'one_time_use=True/reset:two links, second (other timestamp) after first used': 'a reset',
  'one_time_use=True/reset:state: email changed after issue': 'another email address',
  'one_time_use=True/reset:link issued before that login is dead though the password did not change':
    'a sign-in that hashed the password again',
}

/** DRR's clock while the pairs were recorded, in seconds. */
export const drrNow = 1_700_000_000

/** DRR's signatures, and the link that each belongs to. All other signatures are forged, and are sent unchanged. */
export const genuineSignatures: Record<
  string,
  { userId?: '999'; timestamp: number; purpose?: LinkPurpose; tampered?: true }
> = {
  iYSzCeXx7BYiODNvgwxaDfZS_wSPcOsHYrxPDM1eWnI: { timestamp: drrNow },
  iYSzCeXx7BYiODNvgwxaDfZS_wSPcOsHYrxPDM1eWnA: { timestamp: drrNow, tampered: true },
  GXiYPw40zvIjSKQgCzGHi8QnHX20OGa37EgfZ_ry4ac: { timestamp: 0 },
  bOQz8A2wqTzLBqrMgvATcKVnKhPGQM1cDYTTVPcC_BY: { timestamp: -5 },
  MIMeJM4drIkKvavu6dtPhxRqkaFnrtWMifG3Cq20qrU: { timestamp: drrNow + 3600 },
  'Pma5upPJ5x8OSpI_skem4Bv3-BerLx3_IGZbpWxw_rQ': { timestamp: 2 ** 63 },
  'Z8qlCHyiK7yMtSX5ycUV8wiNVOBp-DnsevxRIwVov-0': { timestamp: drrNow, userId: '999' },
  '-10glhQ-zP0xb3a0BcVB7d09WdxOZ9v5iNTAiuZ1urU': { timestamp: drrNow - 2 * 86_400 },
  'Hkclw0QCHYGfEHNILszTtq-WsWvxdKF-LZUGt-qPtps': { timestamp: drrNow, purpose: 'cancel' },
  T8jKYgpWqjDbMM0JRwaORPyv737agNlrjd42qqtPcxE: { timestamp: drrNow },
  'iN1YTt-atvh2tMpui3gxZCViH4RX5hdNc0dW8EO4liE': { timestamp: drrNow },
  ANxjtATuxskOk31dBVmCDm3rX_JnNOVwCRd0GaL1qmc: { timestamp: drrNow - 10 },
  rBR0BUTk5FXbaIoWRP6U2G3ByJs8S6zEy82bouAru_U: { timestamp: drrNow - 86_401 },
  'hCJhsbtZ883N2OWZjKGIMfH7Rywkh8yr_CiOOOW6-sY': { timestamp: drrNow - 86_401 },
  HiJgaL6XpbMVY5bTdTWxw4YePX6A5LEmE2lDU1KvKTE: { timestamp: drrNow, userId: '999' },
  'qENifhyNDxGjulPaOAitJZFifCPgJIhz-dI1F8iif34': { timestamp: drrNow - 61 },
  'aZeWJuYKduPS-T4DbZsMPsZia7ieStoM0MWG5GAoWns': { timestamp: drrNow + 5 },
}

/** DRR's defaults, as settings of Rekey, where they differ from Rekey's. */
export const drrDefaults = {
  PASSWORD_MIN_LENGTH: '8',
  RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: 'true',
  RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: 'false',
  RESET_PASSWORD_VERIFICATION_PERIOD: '24h',
  USER_LOGIN_FIELDS: 'username',
}

/** A pair's settings as settings of Rekey, without one that Rekey does not have (difference 25). */
export function environmentOf({ REST_REGISTRATION = {}, django }: DrrSettings): Record<string, string> {
  const own = Object.entries(REST_REGISTRATION)
    .filter(([name]) => name !== 'USE_NON_FIELD_ERRORS_KEY_FROM_DRF_SETTINGS')
    .map(([name, value]) => [name, asSetting(value)])
  const minLength = django?.AUTH_PASSWORD_VALIDATORS[0]?.OPTIONS.min_length
  return {
    ...drrDefaults,
    ...Object.fromEntries(own),
    ...(minLength !== undefined && { PASSWORD_MIN_LENGTH: String(minLength) }),
  }
}

function asSetting(value: unknown): string {
  if (Array.isArray(value)) return value.join(',')
  if (value instanceof Object) return `${(value as { __timedelta__: number }).__timedelta__}s`
  return String(value)
}
