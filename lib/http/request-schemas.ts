import * as z from 'zod/mini'
import type { FieldErrorCode } from './error-codes'
import type { FieldProblem } from './errors'
import { strip } from '@/lib/text/python-strip'

// Browsers load this file, so no Node APIs. Issue messages are error codes. zod/mini does not use `new Function`, which the CSP blocks.

/** The name of the request field that contains the login. */
export type LoginParameter = 'login' | 'email'

/** The validated body of `send-reset-password-link/`. `link` is an earlier link. */
type LinkRequest = { login: string } | { link: { user_id: string; timestamp: number; signature: string } }

/** The body of `reset-password/` as a form sends it: all values are text. */
export type ResetForm = {
  user_id: string
  timestamp: string
  signature: string
  password: string
  password_confirm?: string
}

type ResetInput = {
  user_id: string
  /** Seconds since the epoch. */
  timestamp: number
  signature: string
  password: string
  password_confirm?: string
}

export type BodySchema<Output, Given> = z.ZodMiniType<Output, Given>

type Reject = (code: FieldErrorCode, values?: { character: string }) => undefined

/** `read` gets a JSON integer as a `bigint`. */
function field<Value>(
  read: (given: unknown, reject: Reject) => Value | undefined,
): BodySchema<Value, string> {
  const reading = z.transform((given: unknown, payload) =>
    read(
      given,
      (message, params) => void payload.issues.push({ code: 'custom', message, params, input: given }),
    ),
  )
  return z.pipe(z.custom<unknown, string>(), reading) as BodySchema<Value, string>
}

function textField(prepare: (text: string) => string) {
  return field((given, reject) => {
    if (given === undefined) return reject('required')
    if (given === null) return reject('null')
    const sent = typeof given === 'bigint' ? String(given) : given
    if (typeof sent !== 'string') return reject('invalid-string')
    const text = prepare(sent)
    if (text === '') return reject('blank')
    if (text.includes('\0')) reject('null-characters')
    const [surrogate] = /\p{Surrogate}/u.exec(text) ?? []
    if (surrogate !== undefined)
      reject('surrogates', { character: `U+${surrogate.charCodeAt(0).toString(16).toUpperCase()}` })
    return text
  })
}

const trimmed = textField(strip)

/** Passwords are not trimmed (ASVS 6.2.8). */
const secret = textField((text) => text)

const seconds = field((given, reject) => {
  if (given === undefined) return reject('required')
  if (given === null) return reject('null')
  if (typeof given === 'bigint') return nearestSafe(given)
  const digits = typeof given === 'string' ? strip(given) : ''
  // Rejects other spellings of a number, such as `+1` and `01` (ASVS 1.5.3).
  const canonical = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) && Number.isSafeInteger(Number(digits))
  return canonical ? Number(digits) : reject('invalid-integer')
})

/** `Number()` alone would turn a huge integer into Infinity. */
function nearestSafe(integer: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(integer), Number.MAX_SAFE_INTEGER))
}

type Fields = Record<string, typeof trimmed | typeof seconds>

const linkFields = { user_id: trimmed, timestamp: seconds, signature: trimmed }

/** The schemas of the fields that a person fills in on the reset page. */
export const passwordFieldSchemas = ({ passwordConfirm }: { passwordConfirm: boolean }) => ({
  password: secret,
  ...(passwordConfirm ? { password_confirm: secret } : {}),
})

const resetPasswordFields = (options: { passwordConfirm: boolean }) => ({
  ...linkFields,
  ...passwordFieldSchemas(options),
})

/** Ignores unknown and inherited fields (ASVS 15.3.3, 15.3.6). */
function ownFields(body: unknown, names: string[]): Record<string, unknown> {
  const own: Record<string, unknown> = Object.create(null)
  for (const name of names) if (Object.hasOwn(Object(body), name)) own[name] = Object(body)[name]
  return own
}

/** Treats a value that is no object as an object without fields. */
function bodyOf<Spec extends Fields>(spec: Spec) {
  return z.pipe(
    z.transform((body: unknown): unknown => ownFields(body, Object.keys(spec))),
    z.object(spec),
  )
}

/** The schema of the three parameters of a link. */
export const linkSchema = bodyOf(linkFields) as unknown as BodySchema<
  { user_id: string; timestamp: number; signature: string },
  Record<'user_id' | 'timestamp' | 'signature', string>
>

/** Creates the schema of `send-reset-password-link/`. A link may replace the login; the caller must verify the link. */
export function linkRequestBodySchema<Name extends LoginParameter>(
  loginField: Name,
): BodySchema<LinkRequest, Record<Name, string>> {
  return z.pipe(
    z.custom<unknown, Record<Name, string>>(),
    z.transform((body: unknown, payload): LinkRequest => {
      const login = ownFields(body, [loginField])[loginField]
      const link = login === undefined ? linkSchema.safeParse(body) : undefined
      if (link?.success) return { link: link.data }
      const typed = trimmed.safeParse(login)
      if (typed.success) return { login: typed.data }
      for (const { message, ...issue } of typed.error.issues) {
        const { params } = issue as { params?: Record<string, unknown> }
        payload.issues.push({ code: 'custom', message, params, path: [loginField], input: login })
      }
      return z.NEVER
    }),
  )
}

/** Creates the schema of `reset-password/`. */
export function resetPasswordSchema(options: {
  passwordConfirm: boolean
}): BodySchema<ResetInput, ResetForm> {
  return bodyOf(resetPasswordFields(options)) as unknown as BodySchema<ResetInput, ResetForm>
}

/** Returns the parsed body, or its errors by field. */
export function parseBodyFields<Output>(
  schema: BodySchema<Output, unknown>,
  body: unknown,
): { ok: true; value: Output } | { ok: false; problems: Record<string, FieldProblem[]> } {
  const parsed = schema.safeParse(body)
  if (parsed.success) return { ok: true, value: parsed.data }
  const problems: Record<string, FieldProblem[]> = Object.create(null)
  for (const { path, message, ...issue } of parsed.error.issues) {
    const { params } = issue as { params?: { character: string } }
    const code = message as FieldErrorCode
    ;(problems[String(path[0])] ??= []).push(params === undefined ? { code } : { code, values: params })
  }
  return { ok: false, problems }
}

/** A part of the response to OPTIONS, as DRR formats it. */
export type OptionsResponse = {
  name: string
  fields: Record<string, { type: 'string' | 'integer'; required: true; read_only: false; label: string }>
}

export function sendLinkOptionsResponse(loginField: LoginParameter): OptionsResponse {
  return { name: 'Send Reset Password Link', fields: describe({ [loginField]: trimmed }) }
}

export function resetPasswordOptionsResponse(options: { passwordConfirm: boolean }): OptionsResponse {
  return { name: 'Reset Password', fields: describe(resetPasswordFields(options)) }
}

export function cancelOptionsResponse(): OptionsResponse {
  return { name: 'Cancel Reset Password', fields: describe(linkFields) }
}

function describe(fields: Fields): OptionsResponse['fields'] {
  return Object.fromEntries(
    Object.entries(fields).map(([name, kind]) => {
      const words = name.replaceAll('_', ' ')
      const label = words.charAt(0).toUpperCase() + words.slice(1)
      return [
        name,
        { type: kind === seconds ? 'integer' : 'string', required: true, read_only: false, label },
      ]
    }),
  )
}
