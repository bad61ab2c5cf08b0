import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { repairUrlCutAtHash } from '@/app/link/url-cut-at-hash'
import { createExampleSigner, exampleId, exampleState, requestedAt } from '@/e2e/support/example-links'
import { linkDamages, type LinkDamage } from '@/e2e/support/link-damages'
import {
  findLink,
  maxRepairedLength,
  maxSpellings,
  repairFields,
  repairLinkText,
  type LinkSource,
} from './link-repair'
import { buildLinkUrl, type Link, type LinkPurpose } from '@/lib/password-reset/reset-link'

const links = createExampleSigner()
const page = 'https://id.example.com/reset-password/'

function signed(
  userId = exampleId,
  { purpose = 'reset' as LinkPurpose, passwordHash = 'a hash' } = {},
): Link {
  return links.create(purpose, userId, requestedAt, { ...exampleState, passwordHash })
}

/** The parameters as Next hands them to a page, after the page's script has restored the fragment. */
function queryOf(address: string): Record<string, string | string[]> {
  const url = new URL(address)
  const { searchParams } = new URL(repairUrlCutAtHash(url) ?? url.href, url)
  const query: Record<string, string | string[]> = {}
  for (const [name, value] of searchParams) {
    const before = query[name]
    query[name] = before === undefined ? value : [before, value].flat()
  }
  return query
}

const read = (address: string, source: LinkSource = 'url') =>
  findLink(links, 'reset', queryOf(address), source)

const everywhere = linkDamages.filter(({ only }) => only === undefined)
const addressOnly = linkDamages.filter(({ only }) => only === 'url')

describe('links that mail programs damage [U12]', () => {
  const link = signed()

  test.each(linkDamages)(
    'a link in the URL of a page is repaired after this damage: $what ($source)',
    ({ damage }) => {
      const damaged = damage(buildLinkUrl(page, link))
      expect(damaged).not.toBe(buildLinkUrl(page, link))
      expect(read(damaged)).toEqual(link)
    },
  )

  test.each(everywhere)(
    'a link in the fields of a request is repaired after this damage: $what ($source)',
    ({ damage }) => {
      const fields = { ...queryOf(damage(buildLinkUrl(page, link))), password: 'gravel & orbit=lantern' }
      expect(repairFields(links, 'reset', fields)).toEqual({
        ...fields,
        ...link,
        timestamp: String(link.timestamp),
      })
    },
  )

  test.each(['&tenant=b', '&utm_source=x&utm_medium=email', '&error=throttled&lang=de'])(
    'a damaged link is repaired among other parameters (%s)',
    (others) => {
      const address = `${buildLinkUrl(`${page}?tenant=a`, link)}${others}`
      expect(read(address)).toEqual(link)
      expect(read(address.replace('&timestamp', '×tamp'))).toEqual(link)
      expect(read(address.replaceAll('&', '&amp;'))).toEqual(link)
    },
  )

  test.each([null, undefined, '', 'null', 'undefined'])(
    'a link whose timestamp became part of the user id is repaired if the client sends %j as the timestamp',
    (timestamp) => {
      const fields = { user_id: `${exampleId}×tamp=${link.timestamp}`, timestamp, signature: link.signature }
      expect(repairFields(links, 'reset', fields)).toMatchObject({
        ...link,
        timestamp: String(link.timestamp),
      })
    },
  )

  test.each(linkDamages.filter(({ what }) => what.startsWith('a soft line break')))(
    'a link whose account id begins like an encoded sign is repaired after $what ($source)',
    ({ damage }) => {
      const exotic = signed('3d000000-0000-4000-8000-000000000000')
      expect(read(damage(buildLinkUrl(page, exotic)))).toEqual(exotic)
    },
  )

  test.each([
    ...['&amp;', '&amp', '&#38;', '&#38', '&#038;', '&#038', '&#0038;', '&#x26;', '&#x26', '&#X026;'],
    ...['#38;', '#038;', '#0038;', '#x26;', '#x026;'],
    ...['&amp;amp;', '&amp;amp', '&amp;#38;', '&amp;#038;', '&amp;#x26;', '&amp;#x026;'],
  ])('a link whose parameters are joined by %s is repaired', (ampersand) => {
    const text = new URL(buildLinkUrl(page, link)).search.slice(1)
    expect(repairLinkText(text.replaceAll('&', ampersand), 'url')).toBe(text)
  })

  test('a link whose account id looks like a damage is not changed', () => {
    for (const id of ['3D1', 'a%2Bb', 'a=b', 'x×tamp=5', 'a>b', 'amp;1', 'two words', '%3D']) {
      const exotic = signed(id)
      expect([id, read(buildLinkUrl(page, exotic))]).toEqual([id, exotic])
      expect([id, read(`${buildLinkUrl(page, exotic)}).`)]).toEqual([id, exotic])
    }
  })

  test('both kinds of "this wasn’t me" links are repaired, and neither becomes a reset link', () => {
    for (const purpose of ['cancel', 'cancel-change'] as const) {
      const cancel = signed(exampleId, { purpose })
      const query = queryOf(buildLinkUrl(page, cancel).replace('&timestamp', '×tamp'))
      expect(findLink(links, 'cancel', query, 'url')).toEqual(cancel)
      expect(findLink(links, 'reset', query, 'url')).toBeUndefined()
    }
  })
})

describe('changes that no mail program makes [T8, T9]', () => {
  const { user_id, timestamp, signature } = signed()
  const whole = { user_id, timestamp: String(timestamp), signature }

  test.each<[string, Record<string, unknown>]>([
    ['a padded signature', { signature: `${signature}==` }],
    ['a signature padded once', { signature: `${signature}=` }],
    ['a signature in plain base64', { signature: Buffer.from(signature, 'base64url').toString('base64') }],
    ['a signature too long by one', { signature: `${signature}A` }],
    ['a signature too long by a hyphen', { signature: `${signature}-` }],
    ['a signature that is cut', { signature: signature.slice(0, -1) }],
    ['a signature as a list', { signature: [signature, 'x'] }],
    ['a time with a leading zero', { timestamp: `0${timestamp}` }],
    ['a time with a sign', { timestamp: `+${timestamp}` }],
    ['a time with a point', { timestamp: `${timestamp}.` }],
    ['a time with a fraction', { timestamp: `${timestamp}.0` }],
    ['a time with an exponent', { timestamp: `${timestamp}e0` }],
    ['a time that is a number with a fraction', { timestamp: timestamp + 0.5 }],
    ['an account id in braces', { user_id: `{${user_id}}` }],
    ['an account id in capitals', { user_id: user_id.toUpperCase() }],
    ['a part that is missing', { signature: undefined }],
    ['a part under another name', { signature: undefined, sig: signature }],
  ])('a link with %s is not repaired, neither in a URL nor in fields', (_what, change) => {
    const fields = { ...whole, ...change }
    expect(findLink(links, 'reset', fields, 'url')).toBeUndefined()
    expect(repairFields(links, 'reset', fields)).toBe(fields)
  })

  test.each(addressOnly)(
    'in the fields of a request this damage is not repaired: $what ($source)',
    ({ damage }) => {
      expect(read(damage(buildLinkUrl(page, signed())), 'fields')).toBeUndefined()
    },
  )

  test.each([`&user_id=${exampleId}`, '&signature=x', '&timestamp=1'])(
    'a link with a repeated part (%s) is not repaired [T12]',
    (more) => {
      expect(read(`${buildLinkUrl(page, signed())}${more}`)).toBeUndefined()
      expect(read(`${buildLinkUrl(page, signed())}${more}`.replaceAll('&', '&amp;'))).toBeUndefined()
    },
  )

  test('the parts of a link inside a password are not read as a link', () => {
    const fields = { user_id, password: `x&timestamp=${timestamp}&signature=${signature}` }
    expect(repairFields(links, 'reset', fields)).toBe(fields)
  })
})

describe('links with any damage [T12]', () => {
  const id = fc.oneof(
    fc.uuid(),
    fc.nat().map(String),
    fc.stringMatching(/^[a-z0-9]{1,12}@[a-z]{1,8}\.example$/),
    fc.stringMatching(/^[A-Za-z0-9]{1,22}={0,2}$/),
  )
  const anyLink = fc.record({ id, passwordHash: fc.string() }).map(({ id, ...state }) => signed(id, state))
  const oneDamage = fc.constantFrom(...linkDamages)
  /** A soft line break whose line end is gone, before a signature that goes on with `3D`, is read as `=3D`. */
  const isDoubtful = (address: string) => /signature=[\w-]+=3D/.test(address)

  test('any link with one damage is repaired', () => {
    fc.assert(
      fc.property(anyLink, oneDamage, (link, { damage }) => {
        const address = damage(buildLinkUrl(page, link))
        fc.pre(!isDoubtful(address))
        expect(read(address)).toEqual(link)
      }),
      { numRuns: 400 },
    )
  })

  test('a link with two damages is repaired or refused, and never becomes another link', () => {
    let repaired = 0
    fc.assert(
      fc.property(anyLink, oneDamage, oneDamage, (link, first: LinkDamage, second: LinkDamage) => {
        const found = read(second.damage(first.damage(buildLinkUrl(page, link))))
        if (found !== undefined) repaired += 1
        expect([undefined, link]).toContainEqual(found)
      }),
      { numRuns: 400 },
    )
    expect(repaired).toBeGreaterThan(200)
  })

  function counting() {
    const spellings = new Set<string>()
    let verified = 0
    const verifyAuthenticity: typeof links.verifyAuthenticity = (purpose, link) => {
      verified += 1
      spellings.add(JSON.stringify([link.user_id, link.timestamp, link.signature]))
      return links.verifyAuthenticity(purpose, link)
    }
    return { links: { verifyAuthenticity }, spellings, verified: () => verified }
  }

  const pieces = fc.constantFrom(
    ...['user_id', 'timestamp', 'signature', 'tamp', '=', '&', '×', '%26', '%253D', '=3D', '&amp;', '#038;'],
    ...['>', ' ', '\r\n', '.', '%', exampleId, '1790000000', signed().signature, 'a'],
  )
  const madeUp = fc.array(pieces, { maxLength: 40 }).map((some) => `${page}?${some.join('')}`)
  const field = fc.oneof(
    fc.array(pieces).map((some) => some.join('')),
    fc.anything({ withBigInt: true }),
  )

  test('a forged link is verified eight times at most, including once by the use case', () => {
    expect(maxSpellings + 1).toBe(8)
    const seen: number[] = []
    const check = (received: Record<string, unknown>, source: LinkSource) => {
      for (const [kind, purposes] of [
        ['reset', 2],
        ['cancel', 2],
      ] as const) {
        const counter = counting()
        const link = findLink(counter.links, kind, received, source)
        if (link !== undefined) expect(link.signature).toBe(signed().signature)
        expect(counter.spellings.size).toBeLessThanOrEqual(maxSpellings)
        expect(counter.verified()).toBeLessThanOrEqual(maxSpellings * purposes)
        seen.push(counter.spellings.size)
      }
    }
    const fields = fc.record({ user_id: field, timestamp: field, signature: field }, { requiredKeys: [] })
    fc.assert(
      fc.property(madeUp, (address) => check(queryOf(address), 'url')),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fields, (body) => check(body, 'fields')),
      { numRuns: 500 },
    )
    // Every rule changes this forgery, so the bound is reached.
    const worst = `${page}?user_id=a%2541%3Dc%3E%26amp;b&timestamp=5&signature=x)`
    check(queryOf(worst), 'url')
    expect(Math.max(...seen)).toBe(maxSpellings)
  })

  test('links with an unknown account, a changed signature and another time are verified equally often', () => {
    const link = signed()
    const changed = (link.signature.startsWith('A') ? 'B' : 'A') + link.signature.slice(1)
    const forged = [
      { ...link, user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a12' },
      { ...link, signature: changed },
      { ...link, timestamp: link.timestamp + 1 },
    ]
    for (const { damage } of [{ damage: (address: string) => address }, ...linkDamages]) {
      const counts = forged.map((one) => {
        const counter = counting()
        expect(
          findLink(counter.links, 'reset', queryOf(damage(buildLinkUrl(page, one))), 'url'),
        ).toBeUndefined()
        return counter.verified()
      })
      expect(new Set(counts).size).toBe(1)
    }
  })
})

describe('the cost of long links [C14, I3]', () => {
  /** Milliseconds of processor time that the repair takes for texts of `length` characters. */
  function cost(piece: string, length: number): number {
    const text = `user_id=${piece.repeat(length / piece.length)}x&timestamp=1&signature=x`
    const start = process.cpuUsage()
    for (let round = 0; round < 10; round += 1) repairLinkText(text, 'url')
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000
  }

  const pieces = [
    'a',
    ' ',
    '>',
    '=',
    '%',
    '%41',
    '&amp;',
    '#0',
    '#038;',
    '&',
    '×',
    'signature=',
    'timestamp=',
    '=\r',
  ]
  test.each(pieces)('the repair of four times as many %j costs less than eight times as much', (piece) => {
    cost(piece, 16_000)
    const ratios = Array.from({ length: 3 }, () => cost(piece, 64_000) / cost(piece, 16_000))
    // Quadratic work would cost sixteen times as much.
    expect(Math.min(...ratios)).toBeLessThan(8)
  })

  test('a text that is longer than any damaged link is verified only as it was received', () => {
    let verified = 0
    const verifyAuthenticity: typeof links.verifyAuthenticity = () => ((verified += 1), null)
    const { user_id, timestamp, signature } = signed()
    const long = {
      user_id,
      timestamp: `${timestamp}`,
      signature: `${signature}.${'.'.repeat(maxRepairedLength)}`,
    }
    expect(findLink({ verifyAuthenticity }, 'reset', long, 'url')).toBeUndefined()
    // Once for each purpose of a link of this page.
    expect(verified).toBe(2)
  })
})
