import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import type { LinkState } from '@/lib/accounts/account'
import { newPassword } from '@/e2e/support/running-app'
import {
  invalid,
  used,
  startAttackedEndpoints,
  type AttackedEndpoints,
} from '@/e2e/support/attacked-endpoints'
import { signedLinks } from '@/e2e/support/signed-links'
import { paths, told } from '@/e2e/support/started-endpoints'

// Whatever is made of a link: never an error of ours, never accepted, no row changed.

let endpoints: AttackedEndpoints
beforeAll(async () => void (endpoints = await startAttackedEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('a signature has one spelling [T8]', () => {
  test.each<[string, (signature: string) => unknown]>([
    ['empty', () => ''],
    ['one character', () => 'A'],
    ['short by one', (signature) => signature.slice(0, -1)],
    ['its first half', (signature) => signature.slice(0, 43)],
    ['its second half', (signature) => signature.slice(43)],
    ['long by one', (signature) => `${signature}A`],
    ['twice', (signature) => signature + signature],
    ['very long', (signature) => signature.padEnd(10_000, 'A')],
    ['padded', (signature) => `${signature}==`],
    ['padded once', (signature) => `${signature}=`],
    ['with its case turned', turnCase],
    ['in capitals', (signature) => signature.toUpperCase()],
    ['in plain base64', (signature) => Buffer.from(signature, 'base64url').toString('base64')],
    ['in hexadecimal', (signature) => Buffer.from(signature, 'base64url').toString('hex')],
    ['with other spare bits', otherSpareBits],
    ['with a blank inside', (signature) => `${signature.slice(0, 40)} ${signature.slice(40)}`],
    ['with a line break inside', (signature) => `${signature.slice(0, 40)}\r\n${signature.slice(40)}`],
    ['with a zero-width space', (signature) => `${signature}\u200b`],
    [
      'in full-width letters',
      (signature) =>
        signature.replace(/[A-Za-z0-9]/g, (ascii) => String.fromCodePoint(ascii.codePointAt(0)! + 0xfee0)),
    ],
    ['with one bit changed in its first part', (signature) => otherBit(signature, 0)],
    ['with one bit changed in its last part', (signature) => otherBit(signature, 63)],
    ['with its parts exchanged', (signature) => exchangeHalves(signature)],
    ['of nothing but zeros', () => 'A'.repeat(86)],
    ['as a number', () => 0],
    ['not ASCII', () => 'é'.repeat(86)],
  ])('%s: never accepted, never an error of ours', async (_how, spoil) => {
    const { person, link } = await endpoints.someone()
    const password = newPassword()
    const before = await endpoints.allRows()
    const answer = await endpoints.post(
      paths.reset,
      JSON.stringify({ ...link, signature: spoil(link.signature), password }),
    )
    expect(answer.status).toBe(400)
    expect(answer.json).toEqual(
      spoil(link.signature) === '' ? { signature: ['This field may not be blank.'] } : invalid[1],
    )
    expect(await endpoints.allRows()).toEqual(before)
    expect((await endpoints.post(paths.reset, JSON.stringify({ ...link, password }))).status).toBe(200) // the same link, unspoilt
    expect(await endpoints.app.passwordIs(person, password)).toBe(true)
  })
})

describe('user id and time have one spelling [T9]', () => {
  test.each<[string, (seconds: number) => string, 'field' | 'signature']>([
    ['a sign', (seconds) => `"+${seconds}"`, 'field'],
    ['a leading zero', (seconds) => `"0${seconds}"`, 'field'],
    ['a fraction', (seconds) => `"${seconds}.0"`, 'field'],
    ['a point', (seconds) => `"${seconds}."`, 'field'],
    ['a fraction in JSON', (seconds) => `${seconds}.0`, 'field'],
    ['an exponent', (seconds) => `"${seconds}e0"`, 'field'],
    ['an exponent in JSON', (seconds) => `${seconds}e0`, 'field'],
    ['hexadecimal', (seconds) => `"0x${seconds.toString(16)}"`, 'field'],
    ['underscores', (seconds) => `"${String(seconds).replace(/\d{3}$/, '_$&')}"`, 'field'],
    [
      'full-width digits',
      (seconds) =>
        `"${String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))}"`,
      'field',
    ],
    [
      'Arabic digits',
      (seconds) =>
        `"${String(seconds).replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0x630))}"`,
      'field',
    ],
    ['a blank inside', (seconds) => `"${String(seconds).replace(/^./, '$& ')}"`, 'field'],
    ['a negative number', (seconds) => `"-${seconds}"`, 'field'],
    ['a negative number in JSON', (seconds) => `-${seconds}`, 'signature'],
    ['more than 2^53', () => '"9007199254740993"', 'field'],
    ['more than 2^53 in JSON', () => '9007199254740993', 'signature'],
    ['a number beyond all', () => '9'.repeat(5000), 'signature'],
    ['milliseconds', (seconds) => `${seconds}000`, 'signature'],
  ])('a time with %s is not that time', async (_how, spell, refusal) => {
    const { link } = await endpoints.someone()
    const before = await endpoints.allRows()
    const body = JSON.stringify({ ...link, password: newPassword() }).replace(
      `"timestamp":${link.timestamp}`,
      `"timestamp":${spell(link.timestamp)}`,
    )
    const field = [400, { timestamp: ['A valid integer is required.'] }]
    expect(told(await endpoints.post(paths.reset, body))).toEqual(refusal === 'field' ? field : invalid)
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('surrounding white space is trimmed, as the contract has it', async () => {
    const { link } = await endpoints.someone()
    const padded = {
      user_id: ` ${link.user_id}\n`,
      timestamp: `\t${link.timestamp} `,
      signature: ` ${link.signature} `,
    }
    expect(
      (await endpoints.post(paths.reset, JSON.stringify({ ...padded, password: newPassword() }))).status,
    ).toBe(200)
  })

  const spellings: [string, (id: string) => string][] = [
    ['in capitals', (id) => id.toUpperCase()],
    ['without hyphens', (id) => id.replaceAll('-', '')],
    ['in braces', (id) => `{${id}}`],
    ['as a URN', (id) => `urn:uuid:${id}`],
    ['with a leading zero', (id) => `0${id}`],
    ['with more behind it', (id) => `${id}0`],
    ['with a zero-width space', (id) => `\u200b${id}`],
    ['with SQL', (id) => `${id}' OR '1'='1`],
    ['as a path', (id) => `../${id}`],
    ['of nobody', () => '00000000-0000-4000-8000-000000000000'],
    ['as a number', () => '1'],
    ['very long', (id) => id.padEnd(10_000, '0')],
  ]

  test.each(spellings)('a user id %s is another one', async (_how, spell) => {
    const { person, link } = await endpoints.someone()
    const before = await endpoints.allRows()
    const body = { ...link, user_id: spell(person.id), password: newPassword() }
    expect(told(await endpoints.post(paths.reset, JSON.stringify(body)))).toEqual(invalid)
    // Even where we had signed it ourselves: no account has an id like that.
    const signed = await signedLinks(endpoints.app).linkOf(person, { userId: spell(person.id) })
    expect(
      told(await endpoints.post(paths.reset, JSON.stringify({ ...signed, password: newPassword() }))),
    ).toEqual(used)
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('another account’s link is not mine, not even where both have the same password hash [C10]', async () => {
    const [mine, other] = [await endpoints.someone(), await endpoints.someone()]
    await endpoints.app.sql.query(
      `UPDATE "rekey"."users" SET "password" = (SELECT "password" FROM "rekey"."users" WHERE "id" = $1) WHERE "id" = $2`,
      [mine.person.id, other.person.id],
    )
    const link = await signedLinks(endpoints.app).linkOf(mine.person)
    const answer = await endpoints.post(
      paths.reset,
      JSON.stringify({ ...link, user_id: other.person.id, password: newPassword() }),
    )
    expect(told(answer)).toEqual(invalid)
  })

  test('links of another secret, an empty one, another deployment or purpose are refused [T1, T2]', async () => {
    const { person } = await endpoints.someone()
    const { stateOf, now, linkOf } = signedLinks(endpoints.app)
    const [state, seconds] = [await stateOf(person.id), await now()]
    const by = (secret: string, audience: string, of: LinkState = state) =>
      createLinkSigner({
        secrets: [secret],
        audience,
        period: { reset: 3600, cancel: 3600, 'cancel-change': 3600 },
        oneTimeUse: true,
      }).create('reset', person.id, seconds, of)
    const forged = [
      by('', endpoints.app.url),
      by(`${endpoints.app.secret} `, endpoints.app.url),
      by('link signature v1: reset', endpoints.app.url),
      by(state.passwordHash!, endpoints.app.url),
      by(person.id, endpoints.app.url),
      by(endpoints.app.secret, 'https://rekey.example'),
      by(endpoints.app.secret, `${endpoints.app.url}/`),
      await linkOf(person, { purpose: 'cancel' }),
      await linkOf(person, { purpose: 'cancel-change' }),
    ]
    const before = await endpoints.allRows()
    for (const link of forged)
      expect(
        told(await endpoints.post(paths.reset, JSON.stringify({ ...link, password: newPassword() }))),
      ).toEqual(invalid)
    // Ours, of a state that never was: that is told to its holder alone, and just as dead.
    const ofNoState = by(endpoints.app.secret, endpoints.app.url, { ...state, passwordHash: null })
    expect(
      told(await endpoints.post(paths.reset, JSON.stringify({ ...ofNoState, password: newPassword() }))),
    ).toEqual(used)
    expect(await endpoints.allRows()).toEqual(before)
  })
})

test('after all this the app is the one that was started, and has had no fault of its own [C15]', () =>
  endpoints.expectUnharmed())

function turnCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
}

/** The last character carries two bits of the signature and four that mean nothing. */
function otherSpareBits(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]
}

function otherBit(signature: string, at: number): string {
  const bytes = Buffer.from(signature, 'base64url')
  bytes[at]! ^= 1
  return bytes.toString('base64url')
}

function exchangeHalves(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url')
  return Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]).toString('base64url')
}
