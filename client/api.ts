import { formErrorCode } from '@/lib/http/error-codes'
import { parseFormErrors, type FormErrors } from '@/lib/http/form-errors'

/** What became of a form: accepted, or the codes of what was wrong. `retryAfter`: seconds to wait, where it was too often. */
export type FormResponse<Field extends string = never> =
  { ok: true } | { ok: false; errors: FormErrors<Field>; retryAfter?: number }

/** Milliseconds after which a person would rather hear that nothing came. */
const timeout = 30_000

/** Seconds to wait where a 429 does not say. */
const usualWait = 60

/**
 * Sends a form to an endpoint of this app. Never throws: a lost connection is a response, too.
 *
 * @param language the page's: an email that follows is in it
 * @param shown the fields that the form can show errors of
 */
export async function send<Field extends string = never>(
  path: string,
  fields: Record<string, string>,
  language: string,
  shown: readonly Field[] = [],
): Promise<FormResponse<Field>> {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: {
        Accept: 'application/json',
        'Accept-Language': language,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(fields),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeout),
    })
    return await readResponse(response, shown)
  } catch {
    return { ok: false, errors: { form: 'offline', fields: {} } }
  }
}

/** Reads status and codes. What is not in the contract counts as a service that is away. */
export async function readResponse<Field extends string = never>(
  response: Response,
  shown: readonly Field[] = [],
): Promise<FormResponse<Field>> {
  if (response.ok) return { ok: true }
  if (response.status === 429) {
    const seconds = Number(response.headers.get('retry-after') ?? '')
    const retryAfter = Number.isSafeInteger(seconds) && seconds > 0 ? seconds : usualWait
    return { ok: false, errors: { form: 'throttled', fields: {} }, retryAfter }
  }
  const codes = response.headers.get('error-codes')
  if (codes !== null) {
    const errors = parseFormErrors(codes, shown)
    // A code that this page does not know yet.
    if (Object.keys(errors.fields).length === 0) errors.form ??= 'refused'
    return { ok: false, errors }
  }
  const body: unknown = response.status < 500 ? await response.json().catch(() => null) : null
  const refused = typeof body === 'object' && body !== null && 'detail' in body
  const form = !refused ? 'unavailable' : formErrorCode('code' in body ? String(body.code) : undefined)
  return { ok: false, errors: { form, fields: {} } }
}
