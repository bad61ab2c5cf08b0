/** What an endpoint made of a form, or why nothing came of it. */
export type Answer =
  | { kind: 'done' }
  /** Messages by field, in the language that was asked for. */
  | { kind: 'fields'; fields: Record<string, string[]> }
  /** Refused as a whole: a stable code where there is one, and the endpoint's own words. */
  | { kind: 'refused'; code: string | null; detail: string }
  /** Seconds to wait. */
  | { kind: 'throttled'; seconds: number }
  | { kind: 'unavailable' }
  /** No answer at all: no network, or none in time. */
  | { kind: 'offline' }

/** Milliseconds after which a person would rather hear that nothing came. */
const patience = 30_000

/** Seconds to wait where a 429 does not say. */
const usualWait = 60

/**
 * Sends a form to an endpoint of ours. Never throws: a lost connection is an answer too.
 *
 * @param language the page's, so that the endpoint's messages fit the page
 */
export async function send(path: string, fields: Record<string, string>, language: string): Promise<Answer> {
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
      signal: AbortSignal.timeout(patience),
    })
    return await readAnswer(response)
  } catch {
    return { kind: 'offline' }
  }
}

/** Tells the kinds of answers apart; whatever is not in the contract counts as a service that is away. */
export async function readAnswer(response: Response): Promise<Answer> {
  if (response.ok) return { kind: 'done' }
  if (response.status === 429) {
    const seconds = Number(response.headers.get('retry-after') ?? '')
    return { kind: 'throttled', seconds: Number.isSafeInteger(seconds) && seconds > 0 ? seconds : usualWait }
  }
  const body: unknown = response.status < 500 ? await response.json().catch(() => null) : null
  if (typeof body !== 'object' || body === null) return { kind: 'unavailable' }
  if ('detail' in body && typeof body.detail === 'string') {
    return { kind: 'refused', code: 'code' in body ? String(body.code) : null, detail: body.detail }
  }
  const fields = Object.entries(body).filter(([, messages]) => Array.isArray(messages) && messages.length > 0)
  return fields.length > 0
    ? {
        kind: 'fields',
        fields: Object.fromEntries(fields.map(([name, messages]) => [name, messages.map(String)])),
      }
    : { kind: 'unavailable' }
}
