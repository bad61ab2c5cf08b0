import * as z from 'zod/mini'
import type { FieldErrorCode } from './error-codes'
import type { FieldError } from './errors'
import { strip } from '@/lib/text/python-strip'

// What the two endpoints take: the one room that forms and handlers share, so nothing of Node here. What is wrong is
// told in stable codes (`lib/http/error-codes.ts`). From zod's small half, which unlike the other never tries
// `new Function`: the content security policy of the pages would refuse and report it.

/** The field that says who asks: `email` where only addresses are searched. */
export type LoginField = 'login' | 'email'

/** Who asks for a link: somebody who typed a login, or somebody who holds an older link. */
export type LinkRequest =
  { login: string } | { link: { user_id: string; timestamp: number; signature: string } }

export type ResetForm = {
  user_id: string
  timestamp: string
  signature: string
  password: string
  password_confirm?: string
}

export type ResetInput = {
  user_id: string
  /** Seconds since the epoch. */
  timestamp: number
  signature: string
  password: string
  password_confirm?: string
}

/** A shape that turns what a form or a body holds into checked values, or into issues whose messages are codes. */
export type BodySchema<Output, Given> = z.ZodMiniType<Output, Given>

/** `values`: what the code's message needs to be filled in. */
type Reject = (code: FieldErrorCode, values?: { character: string }) => undefined

/** One field. `read` gets whatever was sent, JSON integers as `bigint`, and refuses what the contract refuses. */
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

/** Taken as received, since it is hashed as received (ASVS 6.2.8): never trimmed, blank only where it is empty. */
const secret = textField((text) => text)

const seconds = field((given, reject) => {
  if (given === undefined) return reject('required')
  if (given === null) return reject('null')
  if (typeof given === 'bigint') return nearestSafe(given)
  const digits = typeof given === 'string' ? strip(given) : ''
  // One spelling only, so that a link has one URL (ASVS 1.5.3).
  const canonical = /^(?:0|[1-9][0-9]{0,15})$/.test(digits) && Number.isSafeInteger(Number(digits))
  return canonical ? Number(digits) : reject('invalid-integer')
})

/** No link has a time outside the safe integers; pulling it in keeps Infinity away from those who compare. */
function nearestSafe(integer: bigint): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number(integer), Number.MAX_SAFE_INTEGER))
}

type Fields = Record<string, typeof trimmed | typeof seconds>

const linkFields = { user_id: trimmed, timestamp: seconds, signature: trimmed }

/** The fields that somebody types into on the page of `reset-password/`. */
export const passwordFields = ({ passwordConfirm }: { passwordConfirm: boolean }) => ({
  password: secret,
  ...(passwordConfirm ? { password_confirm: secret } : {}),
})

const resetPasswordFields = (options: { passwordConfirm: boolean }) => ({
  ...linkFields,
  ...passwordFields(options),
})

/** A body's own fields of these names and nothing else: neither unknown nor inherited ones (ASVS 15.3.3, 15.3.6). */
function ownFields(body: unknown, names: string[]): Record<string, unknown> {
  const own: Record<string, unknown> = Object.create(null)
  for (const name of names) if (Object.hasOwn(Object(body), name)) own[name] = Object(body)[name]
  return own
}

/** Whatever is not an object has none of the fields. All problems are reported together, in declared order. */
function bodyOf<Spec extends Fields>(spec: Spec) {
  return z.pipe(
    z.transform((body: unknown): unknown => ownFields(body, Object.keys(spec))),
    z.object(spec),
  )
}

/**
 * The shape of `send-reset-password-link/`. Where the login field is absent, a link's three fields may stand in for it;
 * whether that link is genuine is the caller's to judge. A malformed link counts as none, so that then, as with
 * neither, the login field is what is missing.
 */
export function sendLinkSchema<Name extends LoginField>(
  loginField: Name,
): BodySchema<LinkRequest, Record<Name, string>> {
  const linkBody = bodyOf(linkFields)
  return z.pipe(
    z.custom<unknown, Record<Name, string>>(),
    z.transform((body: unknown, payload): LinkRequest => {
      const login = ownFields(body, [loginField])[loginField]
      const link = login === undefined ? linkBody.safeParse(body) : undefined
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

/** The shape of `reset-password/`. Where no repetition is asked for, one that is sent is ignored. */
export function resetPasswordSchema(options: {
  passwordConfirm: boolean
}): BodySchema<ResetInput, ResetForm> {
  return bodyOf(resetPasswordFields(options)) as unknown as BodySchema<ResetInput, ResetForm>
}

/** The shape of `cancel-reset-password/`: a link and nothing else. */
export function linkSchema(): BodySchema<
  { user_id: string; timestamp: number; signature: string },
  Record<'user_id' | 'timestamp' | 'signature', string>
> {
  return bodyOf(linkFields) as unknown as ReturnType<typeof linkSchema>
}

/** Reads a body by a shape; the problems come by field, in the order in which the contract declares the fields. */
export function parseBodyFields<Output>(
  schema: BodySchema<Output, unknown>,
  body: unknown,
): { ok: true; value: Output } | { ok: false; problems: Record<string, FieldError[]> } {
  const parsed = schema.safeParse(body)
  if (parsed.success) return { ok: true, value: parsed.data }
  const problems: Record<string, FieldError[]> = Object.create(null)
  for (const { path, message, ...issue } of parsed.error.issues) {
    const { params } = issue as { params?: { character: string } }
    const code = message as FieldErrorCode
    ;(problems[String(path[0])] ??= []).push(params === undefined ? { code } : { code, values: params })
  }
  return { ok: false, problems }
}

/** An endpoint as its answer to OPTIONS describes it, in DRR's words. */
export type EndpointDescription = {
  name: string
  fields: Record<string, { type: 'string' | 'integer'; required: true; read_only: false; label: string }>
}

export function describeSendLink(loginField: LoginField): EndpointDescription {
  return { name: 'Send Reset Password Link', fields: describe({ [loginField]: trimmed }) }
}

export function describeResetPassword(options: { passwordConfirm: boolean }): EndpointDescription {
  return { name: 'Reset Password', fields: describe(resetPasswordFields(options)) }
}

export function describeCancel(): EndpointDescription {
  return { name: 'Cancel Reset Password', fields: describe(linkFields) }
}

function describe(fields: Fields): EndpointDescription['fields'] {
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
