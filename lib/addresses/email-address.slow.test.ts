import { domainToASCII, domainToUnicode } from 'node:url'
import { expect, test } from 'vitest'
import { canonicalEmail } from './email-address'

/** The rule without upper case: the typed domain must equal the U-label. */
function exactly(typed: string): string | null {
  const domain = typed.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
  const ascii = domainToASCII(domain)
  const unicode = domainToUnicode(ascii)
  if (ascii === '' || /[^a-z0-9.-]/.test(ascii) || /(?:^|\.)xn--/.test(unicode)) return null
  return domain === ascii || domain === unicode ? ascii : null
}

test('a domain may contain a character of Unicode only if its lower case is the same domain [I6, C2]', () => {
  const wrong: string[] = []
  let capitals = 0
  for (let code = 0x80; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const character = String.fromCodePoint(code)
    const [domain, lower] = [character, character.toLowerCase()].map((text) => `a${text}z.example`)
    const taken = canonicalEmail(`x@${domain!}`)?.slice(2) ?? null
    const before = exactly(domain!)
    if (taken === before) continue
    capitals += 1
    const isCapital = [...character.toLowerCase()].length === 1 && character.toLowerCase() !== character
    if (!isCapital || before !== null || taken !== exactly(lower!) || !/(?:^|\.)xn--/.test(taken ?? ''))
      wrong.push(code.toString(16))
  }
  expect(wrong).toEqual([])
  expect(capitals).toBeGreaterThan(900)
})
