import { expect, test } from 'vitest'
import {
  canonicalEmail,
  mayBeMailed,
  needsSmtpUtf8,
  parseAddressWithOptionalName,
  smtpAddress,
} from './email-address'

test('an email goes to the A-label of the domain, with the local part as it is stored [M11]', () => {
  expect(smtpAddress('Jane.Doe@Bücher.example')).toBe('Jane.Doe@xn--bcher-kva.example')
  expect(smtpAddress('Jürgen@BÜCHER.example')).toBe('Jürgen@xn--bcher-kva.example')
  expect(smtpAddress('用户@straße.example')).toBe('用户@xn--strae-oqa.example')
  expect(['Jürgen@example.com', 'jane@xn--bcher-kva.example'].map(needsSmtpUtf8)).toEqual([true, false])
})

test.each([
  ['a long s', 'ki\u017Fs@example.com'],
  ['a Kelvin sign', 'mi\u212Ae@example.com'],
  ['a ligature', '\uFB01rst@example.com'],
  ['a full-width letter', '\uFF4Dike@example.com'],
  ['a decomposed letter', 'mike\u0301@example.com'],
  ['a mark without a letter', '\u0301mike@example.com'],
  ['a mark after a dot', 'm.\u0327ike@example.com'],
  ['a variation selector', 'mike\uFE0F@example.com'],
  ['a combining grapheme joiner', 'mi\u034Fke@example.com'],
  ['a Hangul filler', 'mike\u3164@example.com'],
])(
  'no email is sent to a local part with %s, because a mail server might normalise it [C2, C6]',
  (_, stored) => {
    expect(canonicalEmail(stored)).not.toBeNull()
    expect(mayBeMailed(stored)).toBe(false)
  },
)

test.each([
  ['no-reply@example.com', { name: '', address: 'no-reply@example.com' }],
  ['Example <no-reply@example.com>', { name: 'Example', address: 'no-reply@example.com' }],
  ['Bücher, Inc. <post@bücher.example>', { name: 'Bücher, Inc.', address: 'post@xn--bcher-kva.example' }],
  ['Example\r\nBcc: eve@evil.example <no-reply@example.com>', null],
  ['Example\u2028 <no-reply@example.com>', null],
  ['Example <no-reply@example.com>, eve@evil.example', null],
  ['Example <no-reply@example.com\r\n>', null],
  ['Example <"eve@evil.example"@example.com>', null],
  ['jürgen@example.com', null], // a sender that would require SMTPUTF8 for every email
  ['', null],
])('the sender address %j is read as %j [C7]', (text, mailbox) => {
  expect(parseAddressWithOptionalName(text)).toEqual(mailbox)
})
