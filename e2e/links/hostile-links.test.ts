import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLinkSigner } from '@/lib/password-reset/reset-link'
import type { SignedState } from '@/lib/accounts/account'
import { newPassword } from '@/e2e/support/running-app'
import {
  invalid,
  used,
  startAttackedEndpoints,
  type AttackedEndpoints,
} from '@/e2e/support/attacked-endpoints'
import { signedLinks } from '@/e2e/support/signed-links'
import { resetPath } from '@/e2e/support/endpoint-paths'
import { statusAndJson } from '@/e2e/support/started-endpoints'

let endpoints: AttackedEndpoints
beforeAll(async () => void (endpoints = await startAttackedEndpoints()))
afterAll(() => endpoints?.app.stop())

describe('changed signatures [T8]', () => {
  test.each<[string, (signature: string) => unknown]>([
    ['that is empty', () => ''],
    ['of one character', () => 'A'],
    ['without its last character', (signature) => signature.slice(0, -1)],
    ['cut to its first half', (signature) => signature.slice(0, 43)],
    ['cut to its second half', (signature) => signature.slice(43)],
    ['with one more character', (signature) => `${signature}A`],
    ['written twice', (signature) => signature + signature],
    ['that is very long', (signature) => signature.padEnd(10_000, 'A')],
    ['with padding', (signature) => `${signature}==`],
    ['with half of the padding', (signature) => `${signature}=`],
    ['with its case swapped', swapCase],
    ['in capitals', (signature) => signature.toUpperCase()],
    ['in plain base64', (signature) => Buffer.from(signature, 'base64url').toString('base64')],
    ['in hexadecimal', (signature) => Buffer.from(signature, 'base64url').toString('hex')],
    ['with other spare bits', otherSpareBits],
    ['with a space inside', (signature) => `${signature.slice(0, 40)} ${signature.slice(40)}`],
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
    ['of zeros only', () => 'A'.repeat(86)],
    ['that is a number', () => 0],
    ['outside ASCII', () => 'é'.repeat(86)],
  ])(
    'a signature %s is rejected and changes nothing, and the unchanged link still works',
    async (_how, change) => {
      const { person, link } = await endpoints.personWithLink()
      const password = newPassword()
      const before = await endpoints.allRows()
      const response = await endpoints.post(
        resetPath,
        JSON.stringify({ ...link, signature: change(link.signature), password }),
      )
      expect(response.status).toBe(400)
      expect(response.json).toEqual(
        change(link.signature) === '' ? { signature: ['This field may not be blank.'] } : invalid[1],
      )
      expect(await endpoints.allRows()).toEqual(before)
      expect((await endpoints.post(resetPath, JSON.stringify({ ...link, password }))).status).toBe(200)
      expect(await endpoints.app.passwordIs(person, password)).toBe(true)
    },
  )
})

describe('other spellings of user id and timestamp [T9]', () => {
  test.each<[string, (seconds: number) => string, 'field' | 'signature']>([
    ['a plus sign', (seconds) => `"+${seconds}"`, 'field'],
    ['a leading zero', (seconds) => `"0${seconds}"`, 'field'],
    ['a fraction', (seconds) => `"${seconds}.0"`, 'field'],
    ['a point', (seconds) => `"${seconds}."`, 'field'],
    ['a fraction in JSON', (seconds) => `${seconds}.0`, 'field'],
    ['an exponent', (seconds) => `"${seconds}e0"`, 'field'],
    ['an exponent in JSON', (seconds) => `${seconds}e0`, 'field'],
    ['hexadecimal digits', (seconds) => `"0x${seconds.toString(16)}"`, 'field'],
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
    ['a space inside', (seconds) => `"${String(seconds).replace(/^./, '$& ')}"`, 'field'],
    ['a negative number', (seconds) => `"-${seconds}"`, 'field'],
    ['a negative number in JSON', (seconds) => `-${seconds}`, 'signature'],
    ['more than 2^53', () => '"9007199254740993"', 'field'],
    ['more than 2^53 in JSON', () => '9007199254740993', 'signature'],
    ['thousands of digits', () => '9'.repeat(5000), 'signature'],
    ['milliseconds', (seconds) => `${seconds}000`, 'signature'],
  ])('a link whose timestamp has %s is rejected', async (_how, spell, error) => {
    const { link } = await endpoints.personWithLink()
    const before = await endpoints.allRows()
    const body = JSON.stringify({ ...link, password: newPassword() }).replace(
      `"timestamp":${link.timestamp}`,
      `"timestamp":${spell(link.timestamp)}`,
    )
    const field = [400, { timestamp: ['A valid integer is required.'] }]
    expect(statusAndJson(await endpoints.post(resetPath, body))).toEqual(error === 'field' ? field : invalid)
    expect(await endpoints.allRows()).toEqual(before)
  })

  test('white space around the fields of a link is ignored, as the contract says', async () => {
    const { link } = await endpoints.personWithLink()
    const padded = {
      user_id: ` ${link.user_id}\n`,
      timestamp: `\t${link.timestamp} `,
      signature: ` ${link.signature} `,
    }
    expect(
      (await endpoints.post(resetPath, JSON.stringify({ ...padded, password: newPassword() }))).status,
    ).toBe(200)
  })

  const spellings: [string, (id: string) => string][] = [
    ['in capitals', (id) => id.toUpperCase()],
    ['without hyphens', (id) => id.replaceAll('-', '')],
    ['in braces', (id) => `{${id}}`],
    ['as a URN', (id) => `urn:uuid:${id}`],
    ['with a leading zero', (id) => `0${id}`],
    ['with one more digit', (id) => `${id}0`],
    ['with a zero-width space', (id) => `\u200b${id}`],
    ['with SQL', (id) => `${id}' OR '1'='1`],
    ['as a path', (id) => `../${id}`],
    ['of no account', () => '00000000-0000-4000-8000-000000000000'],
    ['that is a number', () => '1'],
    ['that is very long', (id) => id.padEnd(10_000, '0')],
  ]

  test.each(spellings)(
    'a link with a user id %s is rejected, even if it is signed for that spelling',
    async (_how, spell) => {
      const { person, link } = await endpoints.personWithLink()
      const before = await endpoints.allRows()
      const body = { ...link, user_id: spell(person.id), password: newPassword() }
      expect(statusAndJson(await endpoints.post(resetPath, JSON.stringify(body)))).toEqual(invalid)
      const signed = await signedLinks(endpoints.app).linkOf(person, { userId: spell(person.id) })
      expect(
        statusAndJson(
          await endpoints.post(resetPath, JSON.stringify({ ...signed, password: newPassword() })),
        ),
      ).toEqual(used)
      expect(await endpoints.allRows()).toEqual(before)
    },
  )

  test('links of another secret, an empty secret, another deployment or another purpose are rejected [T1, T2]', async () => {
    const { person } = await endpoints.personWithLink()
    const { stateOf, now, linkOf } = signedLinks(endpoints.app)
    const [state, seconds] = [await stateOf(person.id), await now()]
    const by = (secret: string, audience: string, of: SignedState = state) =>
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
        statusAndJson(await endpoints.post(resetPath, JSON.stringify({ ...link, password: newPassword() }))),
      ).toEqual(invalid)
    // A link that Rekey signed for another state of the account counts as used.
    const ofOtherState = by(endpoints.app.secret, endpoints.app.url, { ...state, passwordHash: null })
    expect(
      statusAndJson(
        await endpoints.post(resetPath, JSON.stringify({ ...ofOtherState, password: newPassword() })),
      ),
    ).toEqual(used)
    expect(await endpoints.allRows()).toEqual(before)
  })
})

test('the app still sends links after these attacks, and has logged no crash and no internal error [C15]', () =>
  endpoints.expectUnharmed())

function swapCase(text: string): string {
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
