import { createHash } from 'node:crypto'
import type { Log } from '@/lib/logging/log'

/** Milliseconds: less than a second, because a person waits for the response. */
const deadline = 800

/** Bytes: several times the size of a padded range. */
const largestResponse = 512 * 1024

/** Whether a password has appeared in a data breach; false if the service fails, or the check is off. */
export type BreachCheck = (password: string) => Promise<boolean>

/**
 * Creates the check of passwords against data breaches (NIST SP 800-63B-4 §3.1.1.2). Only the first five hex digits of the SHA-1 are sent,
 * and a padded response is requested, so that neither the service nor an observer learns the password. Without a valid response, the check
 * logs the failure and returns false: a reset must not depend on another service.
 *
 * @param baseUrl such as `https://api.pwnedpasswords.com/range/`; undefined switches the check off
 */
export function createBreachCheck(baseUrl: string | undefined, log: Log): BreachCheck {
  if (baseUrl === undefined) return async () => false
  const base = baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`

  return async function isBreached(password) {
    const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
    try {
      const range = await fetchRange(new URL(digest.slice(0, 5), base))
      return range.some((line) => matches(line, digest.slice(5)))
    } catch (error) {
      log.warn({ err: error, event: 'breach_check_unavailable' })
      return false
    }
  }
}

async function fetchRange(url: URL): Promise<string[]> {
  const response = await fetch(url, {
    headers: { 'Add-Padding': 'true', 'User-Agent': 'Rekey' },
    redirect: 'error',
    signal: AbortSignal.timeout(deadline),
  })
  if (!response.ok || response.body === null)
    throw new Error(`The range service responded with ${response.status}.`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength
    if (length > largestResponse) throw new Error('The response of the range service is too long.')
    chunks.push(chunk)
  }
  const lines = Buffer.concat(chunks).toString('latin1').split(/\r?\n/)
  if (!lines.some((line) => /^[0-9A-F]{35}:\d+$/i.test(line)))
    throw new Error('The response of the range service contains no line of a range.')
  return lines
}

/** Whether a line `SUFFIX:COUNT` has this suffix and is no padding, which has the count 0. */
function matches(line: string, suffix: string): boolean {
  const [found, count] = line.split(':')
  return found?.toUpperCase() === suffix && Number(count) > 0
}
