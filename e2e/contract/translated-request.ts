import { signedLinks } from '@/e2e/support/signed-links'
import type { RunningApp } from '@/e2e/support/running-app'
import { drrNow, genuineSignatures, type Pair } from './recorded-pairs'

/** DRR's id 999, which no account has. */
const unknownId = '00000000-0000-4000-8000-000000000999'

/** A pair's request with Rekey's links and with times relative to now. @param aliceId the account with id 1 in the pairs */
export async function translatedRequest(
  { method, path, headers, body }: Pair,
  app: RunningApp,
  { aliceId, oneTimeUse }: { aliceId: string; oneTimeUse: boolean },
) {
  const idOf = (number: string) => (number === '1' ? aliceId : unknownId)
  const sent = { method, path, headers }
  if (body === null) return sent
  if (body.startsWith('hex:')) return { ...sent, body: Buffer.from(body.slice(4), 'hex') }

  const { create, stateOf, now } = signedLinks(app, { oneTimeUse })
  const shift = (await now()) - drrNow
  const state = await stateOf(aliceId)
  const [chunked, , content = body] = /^([0-9a-f]+)\r\n(.*)\r\n0\r\n\r\n$/s.exec(body) ?? []
  const translated = content
    .replace(/[\w-]{43}/g, (signature) => {
      const made = genuineSignatures[signature]
      if (made === undefined) return signature
      const id = idOf(made.userId ?? '1')
      const link = create(made.purpose ?? 'reset', id, shifted(made.timestamp, shift), state)
      return made.tampered
        ? link.signature.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))
        : link.signature
    })
    .replace(/1(?:699|700)\d{6}/g, (seconds) => String(shifted(Number(seconds), shift)))
    .replace(/１７０{8}/g, () => inFullWidth(drrNow + shift))
    // Rekey's ids are strings, so the number 1 becomes a string. 1.0 stays, because that pair is about floats.
    .replace(/("user_id": )(1|999)(?=,)/g, (_, before: string, id: string) => `${before}"${idOf(id)}"`)
    .replace(
      /(user_id"(?:: "|\r\n\r\n)0?)(1|999)(?=["\r.])/g,
      (_, before: string, id: string) => before + idOf(id),
    )
  return { ...sent, body: translated, ...(chunked !== undefined && { chunkSize: 4096 }) }
}

/** Moves a timestamp near DRR's clock to the present; others, such as 0, stay. */
function shifted(seconds: number, shift: number): number {
  return Math.abs(seconds - drrNow) < 10 * 86_400 ? seconds + shift : seconds
}

function inFullWidth(seconds: number): string {
  return String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
}
