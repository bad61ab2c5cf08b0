import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { isLong } from '@/e2e/support/long-form'
import { foldings } from '@/e2e/support/look-alikes'
import { canonicalEmail, lookupSpellings, mayBeMailed } from './email-address'

describe('the comparison of email addresses', () => {
  test.each([
    ['jane@example.com', 'jane@example.com'],
    ['Jane.Doe+tag@EXAMPLE.com', 'jane.doe+tag@example.com'],
    ["o'neil/sales=eu@example.co.uk", "o'neil/sales=eu@example.co.uk"],
    ['jane@localhost', 'jane@localhost'],
    ['jane@bücher.example', 'jane@xn--bcher-kva.example'],
    ['jane@xn--bcher-kva.example', 'jane@xn--bcher-kva.example'],
    ['jane@XN--BCHER-KVA.example', 'jane@xn--bcher-kva.example'],
    ['jane@straße.example', 'jane@xn--strae-oqa.example'],
    ['jürgen@example.com', 'jürgen@example.com'],
    ['JÜRGEN@example.com', 'jÜrgen@example.com'],
  ])('the address %s is compared as %s [I6]', (typed, canonical) => {
    expect(canonicalEmail(typed)).toBe(canonical)
  })

  // Each resembles or folds to mike@example.com or kiss@example.com by a rule of Unicode.
  test.each([
    ['a dotless i', 'm\u0131ke@example.com'],
    ['a dotted capital I', 'M\u0130KE@example.com'],
    ['a long s', 'ki\u017Fs@example.com'],
    ['a sharp s', 'ki\u00DF@example.com'],
    ['a Kelvin sign', 'mi\u212Ae@example.com'],
    ['a full-width letter', '\uFF4Dike@example.com'],
    ['a Cyrillic letter', 'mik\u0435@example.com'],
    ['a combining mark', 'mike\u0301@example.com'],
    ['a zero-width space', 'mi\u200Bke@example.com'],
    ['a zero-width joiner', 'mi\u200Dke@example.com'],
    ['a soft hyphen', 'mi\u00ADke@example.com'],
    ['a word joiner', 'mike\u2060@example.com'],
    ['a byte order mark', '\uFEFFmike@example.com'],
    ['a bidi override', 'mike\u202E@example.com'],
    ['a variation selector', 'mike\uFE0F@example.com'],
    ['a dotless i in the domain', 'mike@example.\u0131o'],
    ['a long s in the domain', 'mike@example.com\u017F'],
    ['a Kelvin sign in the domain', 'mike@e\u212Aample.com'],
    ['a ligature in the domain', 'mike@\uFB01rst.example'],
    ['a full-width letter in the domain', 'mike@\uFF45xample.com'],
    ['a full-width full stop', 'mike@example\uFF0Ecom'],
    ['an ideographic full stop', 'mike@example\u3002com'],
    ['a percent escape in the domain', 'mike@exa%6Dple.com'],
    ['a soft hyphen in the domain', 'mike@exam\u00ADple.com'],
    ['a zero-width space in the domain', 'mike@exam\u200Bple.com'],
    ['a zero-width joiner in the domain', 'mike@exam\u200Dple.com'],
    ['a decomposed letter in the domain', 'mike@bu\u0308cher.example'],
    ['U+FF20', 'mike\uFF20example.com'],
    ['U+FE6B', 'mike\uFE6Bexample.com'],
    ['a full-width and a plain at sign', 'mike\uFF20example.com@evil.example'],
  ])('an address with %s never equals a plain address [C2, C3, C6]', (_, typed) => {
    const plain = [
      'mike@example.com',
      'kiss@example.com',
      'mike@example.io',
      'mike@example.coms',
      'mike@first.example',
    ]
    for (const address of [...plain, 'mike@bücher.example']) {
      expect(canonicalEmail(typed)).not.toBe(canonicalEmail(address))
      for (const form of lookupSpellings(typed)) expect(lookupSpellings(address)).not.toContain(form)
    }
  })

  test('no character that folds to ASCII letters makes an address equal a plain one [C2, CVE-2019-19844]', () => {
    const { lookAlikes, plain } = foldings()
    expect(lookAlikes.length).toBeGreaterThan(1_400)
    for (const around of [
      (letters: string) => `a${letters}z@example.com`,
      (letters: string) => `mike@a${letters}z.example`,
    ]) {
      const addresses = plain.map(around)
      const spelled = new Set([...addresses.map(canonicalEmail), ...addresses.flatMap(lookupSpellings)])
      expect([...spelled].sort()).toEqual([...addresses].sort())
      const equal = (typed: string) =>
        [canonicalEmail(typed), ...lookupSpellings(typed)].some((form) => spelled.has(form))
      expect(lookAlikes.filter((like) => equal(around(like)))).toEqual([])
    }
  })

  describe('the case of letters in a domain [I6, C2]', () => {
    test.each([
      ['MÜLLER', 'müller'],
      ['Été', 'été'],
      ['ΔΡΑΣΗ', 'δραση'],
      ['ПОЧТА', 'почта'],
      ['ŁÓDŹ', 'łódź'],
      ['STRAßE', 'straße'],
    ])('the domain %s is compared as %s', (capitals, small) => {
      const label = domainToASCII(`${small}.example`)
      expect(canonicalEmail(`zoe@${capitals}.EXAMPLE`)).toBe(`zoe@${label}`)
      expect(canonicalEmail(`zoe@${small}.example`)).toBe(`zoe@${label}`)
    })

    test.each([
      ['a Kelvin sign', '\u212A'],
      ['an Ångström sign', '\u212B'],
      ['an Ohm sign', '\u2126'],
      ['a dotted capital I', '\u0130'],
      ['a capital sharp s', '\u1E9E'],
      ['a full-width capital', '\uFF2D'],
      ['a digraph in title case', '\u01C5'],
      ['a mathematical capital', '\u{1D400}'],
      ['a circled capital', '\u24B6'],
      ['a capital with a mark of its own', 'U\u0308'],
      ['a percent escape of a capital', '%C3%9C'],
    ])('a domain with %s is not a valid domain and is not folded', (_, text) => {
      for (const domain of [`a${text}z.example`, `${text}.example`, `Ü${text}.example`]) {
        expect(canonicalEmail(`x@${domain}`)).toBeNull()
        expect(lookupSpellings(`x@${domain}`)).toEqual([])
      }
    })
  })

  // Other parsers read lists, groups, comments, quotes, source routes, literals or headers in these.
  const noAddress = [
    '',
    '@',
    'jane',
    'jane@',
    '@example.com',
    'jane@@example.com',
    'jane@evil.example@example.com',
    'jane@example.com,eve@evil.example',
    'jane@example.com;eve@evil.example',
    'jane@example.com eve@evil.example',
    'jane@example.com\u00A0',
    ' jane@example.com',
    'jane @example.com',
    'jane@example.com\r\nRCPT TO:<eve@evil.example>',
    'jane@example.com\nBcc: eve@evil.example',
    'jane@example.com\u0085',
    'jane@example.com\u2028Bcc: eve@evil.example',
    'jane\u0000@example.com',
    'jane@example.com\u0000.evil.example',
    'jane%00@example.com\u0000',
    '"eve@evil.example"@example.com',
    '"eve@evil.example x"@example.com',
    '"jane"@example.com',
    'jane\\@evil.example',
    'Jane <eve@evil.example>',
    '<jane@example.com>',
    'jane@example.com>',
    'jane(comment)@example.com',
    'group:jane@example.com,eve@evil.example;',
    'a:b:c:jane@example.com;',
    '@relay.example:jane@example.com',
    'jane@[127.0.0.1]',
    'jane@[IPv6:::1]',
    'jane@127.0.0.1',
    'jane@127.1',
    'jane@0x7f000001',
    '-jane@example.com',
    '-oQ/tmp@example.com',
    '--@example.com',
    '.jane@example.com',
    'jane.@example.com',
    'ja..ne@example.com',
    'jane@.example.com',
    'jane@example..com',
    'jane@example.com.',
    'jane@-example.com',
    'jane@example-.com',
    'jane@exam_ple.com',
    'jane@example.com/path',
    'jane@example.com:25',
    'jane@example.com?x',
    'jane@example.com#x',
    'jane@user:pw',
    'jane@xn--a',
    'jane@xn--example-.com',
    'jane@xn--kha.com', // a long s
    'jane@xn--xample-hy68a.com', // a full-width letter
    'jane@xn--bucher-xyd.com', // a decomposed letter
    'jane@xn--ab-g1t.com', // a zero-width space
    'jane@\ud800.example',
    '\ud800@example.com',
    'jane\u{E0001}@example.com',
    `${'a'.repeat(65)}@example.com`,
    `jane@${'a'.repeat(64)}.example`,
    `jane@${'a.'.repeat(130)}com`,
  ]
  test.each(noAddress.map((text) => [JSON.stringify(text), text]))(
    'the text %s is not an address and gets no email [C4, C5, C7, I5]',
    (_, text) => {
      expect(canonicalEmail(text)).toBeNull()
      expect(lookupSpellings(text)).toEqual([])
      expect(mayBeMailed(text)).toBe(false)
    },
  )

  test('an address may have 254 octets and no more [I5]', () => {
    const domain = `${'d'.repeat(61)}.${'d'.repeat(61)}.${'d'.repeat(61)}.example`
    const local = (length: number) => 'a'.repeat(length - domain.length - 1)
    expect(canonicalEmail(`${local(254)}@${domain}`)).not.toBeNull()
    expect(canonicalEmail(`${local(255)}@${domain}`)).toBeNull()
    const asALabel = `jane@${'ü'.repeat(50)}.${'ö'.repeat(50)}.${'ä'.repeat(50)}.${'d'.repeat(60)}.example`
    expect(canonicalEmail(asALabel)).not.toBeNull()
    expect(canonicalEmail(asALabel.replace('jane', 'j'.repeat(20)))).toBeNull()
  })

  test.each([16_384, 100_000])(
    'a text of %i characters is checked within 10 ms, whatever it contains [I5, C5]',
    async (size) => {
      for (const piece of [
        'a',
        '.',
        'a.',
        '@',
        'a@',
        '(',
        'a:',
        '<',
        '"',
        '\\',
        '\u0301',
        'ü',
        'xn--',
        '%6D',
        '-',
        '\ud800',
      ]) {
        const text = piece.repeat(Math.ceil(size / piece.length))
        for (const probe of [text, `${text}@example.com`, `jane@${text}`, `jane@${text}.com`]) {
          expect(await cpuTimeOf(() => canonicalEmail(probe), 10)).toBeLessThan(10)
          expect(await cpuTimeOf(() => lookupSpellings(probe), 10)).toBeLessThan(10)
        }
      }
    },
  )

  test('the canonical form of any address is its own canonical form and one of its look-up spellings [I6]', () => {
    const texts = fc.oneof(
      fc.emailAddress(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.domain())
        .map(([local, domain]) => `${local}@${domain}`),
      fc
        .tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 12 }))
        .map((p) => p.join('@')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = canonicalEmail(text)
        if (canonical === null) {
          expect(lookupSpellings(text)).toEqual([])
          return
        }
        expect(canonicalEmail(canonical)).toBe(canonical)
        expect(lookupSpellings(text)).toEqual(lookupSpellings(canonical))
        expect(lookupSpellings(text)).toContain(canonical)
        for (const form of lookupSpellings(text)) expect(canonicalEmail(form)).toBe(canonical)
        expect(canonical.split('@')).toHaveLength(2)
        expect(canonical).not.toMatch(/[\s\p{Cc}\p{Cf}",;:<>()[\]\\]/u)
      }),
      { numRuns: isLong ? 100_000 : 500 },
    )
  })
})

test('the look-up spellings of an address include all stored spellings of its domain [I6]', () => {
  const spellings = [
    'jane@xn--bcher-kva.example',
    'jane@bücher.example',
    'jane@bÜcher.example', // the database's lower() of BÜCHER
  ]
  for (const typed of ['bücher.EXAMPLE', 'BÜCHER.example', 'Bücher.Example', 'XN--BCHER-KVA.example'])
    expect(lookupSpellings(`Jane@${typed}`)).toEqual(spellings)
  expect(lookupSpellings('jane@éclair.example')).toContain('jane@Éclair.example')
  expect(lookupSpellings('jane@été.example')).toEqual([
    'jane@xn--t-9fab.example',
    'jane@été.example',
    'jane@ÉtÉ.example',
    'jane@Été.example',
  ])
  expect(lookupSpellings('Jane@Example.com')).toEqual(['jane@example.com'])
  // Next to this Cherokee letter, the upper case of the other letter makes no address.
  const cherokee = lookupSpellings('jane@\u1EA3\u13A0')
  expect(cherokee.map((spelling) => canonicalEmail(spelling))).toEqual(
    cherokee.map(() => canonicalEmail('jane@\u1EA3\u13A0')),
  )
})
