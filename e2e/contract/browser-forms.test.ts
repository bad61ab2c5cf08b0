import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseFormErrors } from '@/lib/http/form-errors'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { exchange, type Received } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'

const browser: [string, string][] = [
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
  ['Origin', 'null'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'navigate'],
]

let app: RunningApp
beforeAll(async () => {
  app = await startApp({
    env: { RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: 'true', PASSWORD_OUTER_SPACES: 'refuse' },
  })
})
afterAll(() => app?.stop())

function submit(path: string, fields: Record<string, string> | string): Promise<Received> {
  const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
  return exchange(app.port, { path, headers: browser, body })
}

function redirectOf({ status, headers, text }: Received) {
  expect([status, text]).toEqual([303, ''])
  expect(headers['cache-control']).toBe('no-store') // H3
  expect(headers.location).toMatch(/^\/[a-z]/) // a page of this origin
  const { pathname, searchParams } = new URL(headers.location!, app.url)
  const errors = searchParams.get('error')?.split(',') ?? []
  // The pages have a message for each code.
  for (const error of errors) expect(parseFormErrors(error, ['login']), error).not.toEqual({ fields: {} })
  searchParams.delete('error')
  return { page: pathname, errors, others: Object.fromEntries(searchParams) }
}

async function pageAfter({ headers }: Received): Promise<Received> {
  const page = await exchange(app.port, { method: 'GET', path: headers.location! })
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  return page
}

describe('the form that requests a link', () => {
  test('a request leads to the page "check your email", and sends the email', async () => {
    const person = await app.addPerson()
    const response = await submit(requestLinkPath, { login: person.username })
    expect(redirectOf(response)).toEqual({ page: '/forgot-password/sent/', errors: [], others: {} })
    await pageAfter(response)
    expect((await app.sink.next(person.email)).link).toBeDefined()
  })

  test('a request for an unknown login gets the same bytes as one for an account [A1]', async () => {
    const person = await app.addPerson()
    const responses = [
      await submit(requestLinkPath, { login: person.username }),
      await submit(requestLinkPath, { login: 'nobody' }),
    ]
    const plain = responses.map(({ status, text, headers }) => {
      const others = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name))
      return { status, text, headers: Object.fromEntries(others) }
    })
    expect(plain[0]).toEqual(plain[1])
  })

  test.each<[string, string, string[]]>([
    ['an empty field', 'login=', ['login.blank']],
    ['white space', 'login=+%C2%A0+', ['login.blank']],
    ['no field', '', ['login.required']],
    ['a null character', 'login=ty%00ped', ['login.null-characters']],
    ['bytes that are not UTF-8', 'login=typed%ff', ['refused']],
    ['a body that is too large', `login=${'typed'.repeat(4000)}`, ['refused']],
    ['a link that Rekey did not sign', 'user_id=typed&timestamp=1&signature=typed', ['login.required']],
  ])(
    'a form with %s leads back to its page with an error code, and without what was typed',
    async (_what, body, errors) => {
      const response = await submit(requestLinkPath, body)
      expect(redirectOf(response)).toEqual({ page: '/forgot-password/', errors, others: {} })
      expect(response.headers.location).not.toMatch(/typed/)
      await pageAfter(response)
    },
  )
})

describe('the form that resets a password', () => {
  const newLink = async () => {
    const person = await app.addPerson()
    const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person)
    return { person, link: { user_id, timestamp: String(timestamp), signature } }
  }

  test('a reset leads to the page "your password was changed"', async () => {
    const { person, link } = await newLink()
    const password = newPassword()
    const response = await submit(resetPath, {
      ...link,
      username: person.username,
      password,
      password_confirm: password,
    })
    expect(redirectOf(response)).toEqual({ page: '/reset-password/done/', errors: [], others: {} })
    await pageAfter(response)
    expect(await app.passwordIs(person, password)).toBe(true)
  })

  test.each<[string, Record<string, string>, string[]]>([
    [
      'a short, common, numeric password',
      { password: '12345678', password_confirm: '12345678' },
      ['password.too-short', 'password.too-common', 'password.numeric'],
    ],
    [
      'a password of 257 characters',
      { password: 'zA9 '.repeat(64) + 'q', password_confirm: 'zA9 '.repeat(64) + 'q' },
      ['password.too-long'],
    ],
    [
      'an outer space',
      { password: 'secret lantern gravel ', password_confirm: 'secret lantern gravel ' },
      ['password.outer-spaces'],
    ],
    ['no fields', {}, ['password.required', 'password_confirm.required']],
    ['empty fields', { password: '', password_confirm: '' }, ['password.blank', 'password_confirm.blank']],
    ['no repetition', { password: 'secret lantern gravel' }, ['password_confirm.required']],
    [
      'an empty repetition',
      { password: 'secret lantern gravel', password_confirm: '' },
      ['password_confirm.blank'],
    ],
    [
      'another repetition',
      { password: 'secret lantern gravel', password_confirm: 'secret lantern' },
      ['password_confirm.mismatch'],
    ],
    [
      'a null character in the repetition',
      { password: 'secret lantern gravel', password_confirm: 'secret\0' },
      ['password_confirm.null-characters'],
    ],
    [
      'a null character in the password',
      { password: 'secret\0lantern gravel', password_confirm: 'x' },
      ['password.null-characters'],
    ],
  ])(
    'a form with %s leads back to the page of its link, and the link still works [T14]',
    async (_what, typed, errors) => {
      const { person, link } = await newLink()
      const response = await submit(resetPath, { ...link, ...typed })
      expect(redirectOf(response)).toEqual({ page: '/reset-password/', errors, others: link })
      expect(response.headers.location).not.toMatch(/secret|lantern|12345678|zA9/)
      expect((await pageAfter(response)).text).toContain(person.username)

      const password = newPassword()
      expect(
        redirectOf(await submit(resetPath, { ...link, password, password_confirm: password })).page,
      ).toBe('/reset-password/done/')
    },
  )

  test('a password similar to the username leads back with one error code [P7]', async () => {
    const person = await app.addPerson({ username: 'wilhelmina.lanternby' })
    const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person)
    const password = 'wilhelmina.lanternb1'
    const fields = { user_id, timestamp: String(timestamp), signature, password, password_confirm: password }
    expect(redirectOf(await submit(resetPath, fields)).errors).toEqual(['password.too-similar-username'])
  })

  test('a used or forged link leads to its page with an error code, and the page does not show the account [T12]', async () => {
    const { person, link } = await newLink()
    const password = newPassword()
    const fields = { password, password_confirm: password }
    await submit(resetPath, { ...link, ...fields })
    const forged = {
      ...link,
      signature: link.signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
    }
    for (const [invalid, code] of [
      [link, 'signature-used'],
      [forged, 'signature-invalid'],
    ] as const) {
      const response = await submit(resetPath, { ...invalid, ...fields })
      expect(redirectOf(response)).toEqual({ page: '/reset-password/', errors: [code], others: invalid })
      expect((await pageAfter(response)).text).not.toContain(person.username)
    }
  })

  test('fields that cannot be a link are left out of the redirect', async () => {
    const response = await submit(resetPath, {
      user_id: 'x'.repeat(256),
      timestamp: 'y'.repeat(256),
      password: 'secret',
    })
    expect(redirectOf(response)).toEqual({
      page: '/reset-password/',
      errors: ['timestamp.invalid-integer', 'signature.required', 'password_confirm.required'],
      others: {},
    })
  })

  test('a form on another site gets a 403 and no page, and changes no password [H8]', async () => {
    const { person, link } = await newLink()
    const password = newPassword()
    const body = new URLSearchParams({ ...link, password, password_confirm: password }).toString()
    const foreign = [
      ...browser.filter(([name]) => !/^(?:Origin|Sec-)/.test(name)),
      ['Origin', 'https://evil.example'],
    ] as [string, string][]
    const response = await exchange(app.port, { path: resetPath, headers: foreign, body })
    expect([response.status, response.json]).toEqual([403, { detail: 'Cross-origin request refused.' }])
    expect(await app.passwordIs(person, password)).toBe(false)
  })
})
