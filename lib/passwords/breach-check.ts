import { createHash } from 'node:crypto'
import type { Log } from '@/lib/logging/log'

/** Milliseconds to wait for the range service: a person is waiting too. */
const deadline = 800

/** The most bytes of an answer that are read; a padded range has some 60 kB. */
const largestAnswer = 512 * 1024

export type BreachCheck = (password: string) => Promise<boolean>

/**
 * Asks a range service whether a password has appeared in a data breach (NIST SP 800-63B-4 §3.1.1.2). Only the first
 * five hex digits of its SHA-1 leave the house, and the answer is padded, so neither the service nor an observer of its
 * traffic learns which password was meant.
 *
 * @param baseUrl such as `https://api.pwnedpasswords.com/range/`; undefined switches the check off
 * @returns a function that says whether the password is known. When the service is away, slow or makes no sense, the
 *   password counts as unknown and the log says so: a reset must not depend on somebody else's service.
 */
export function createBreachCheck(baseUrl: string | undefined, log: Log): BreachCheck {
  if (baseUrl === undefined) return async () => false
  const base = baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`

  return async function isBreached(password) {
    const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
    try {
      const range = await ask(new URL(digest.slice(0, 5), base))
      return range.some((line) => matches(line, digest.slice(5)))
    } catch (error) {
      log.warn({ err: error, event: 'breach_check_unavailable' })
      return false
    }
  }
}

async function ask(url: URL): Promise<string[]> {
  const answer = await fetch(url, {
    headers: { 'Add-Padding': 'true', 'User-Agent': 'Rekey' },
    redirect: 'error',
    signal: AbortSignal.timeout(deadline),
  })
  if (!answer.ok || answer.body === null) throw new Error(`The range service answered ${answer.status}.`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength
    if (length > largestAnswer) throw new Error('The answer of the range service is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('latin1').split(/\r?\n/)
}

/** A line is `SUFFIX:COUNT`; padding has the count 0. */
function matches(line: string, suffix: string): boolean {
  const [found, count] = line.split(':')
  return found?.toUpperCase() === suffix && Number(count) > 0
}
