import { formErrorCode } from '@/lib/http/error-codes'
import { parseFormErrors, type FormErrors } from '@/lib/http/form-errors'

/** `retryAfter`: seconds to wait after a 429. */
export type FormResponse<Field extends string = never> =
  { ok: true } | { ok: false; errors: FormErrors<Field>; retryAfter?: number }

/** Milliseconds. */
const timeout = 30_000

/** Seconds to wait after a 429 without a usable Retry-After. */
const usualWait = 60

/** Sends a form. Does not throw: if `fetch` fails, the code is `offline`. @param shown the fields whose errors the form can show */
export async function sendForm<Field extends string = never>(
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

/** Parses the response of an endpoint, or of a proxy in front of it. */
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
    // A page that is older than the server may not know any of the response's codes.
    if (Object.keys(errors.fields).length === 0) errors.form ??= 'refused'
    return { ok: false, errors }
  }
  const body: unknown = response.status < 500 ? await response.json().catch(() => null) : null
  // The errors of endpoints have `Error-Codes` or `detail`.
  const refused = typeof body === 'object' && body !== null && 'detail' in body
  const form = !refused ? 'unavailable' : formErrorCode('code' in body ? String(body.code) : undefined)
  return { ok: false, errors: { form, fields: {} } }
}
