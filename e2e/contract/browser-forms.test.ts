import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseFormErrors } from '@/lib/http/form-errors'
import { newPassword, startApp, type RunningApp } from '@/e2e/support/running-app'
import { exchange, type Received } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'

// The forms as a browser sends them when no script runs: form-encoded, and whatever comes back is shown as a page.

const paths = {
  send: '/api/v1/accounts/send-reset-password-link/',
  reset: '/api/v1/accounts/reset-password/',
}
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

/** Where a form leads: the path, the codes of what went wrong, and the link that the page needs. */
function wayOf({ status, headers, text }: Received) {
  expect([status, text]).toEqual([303, ''])
  expect(headers['cache-control']).toBe('no-store') // H3
  expect(headers.location).toMatch(/^\/[a-z]/) // a page of this origin
  const { pathname, searchParams } = new URL(headers.location!, app.url)
  const errors = searchParams.get('error')?.split(',') ?? []
  // None that no page has a message for.
  for (const error of errors) expect(parseFormErrors(error, ['login']), error).not.toEqual({ fields: {} })
  searchParams.delete('error')
  return { page: pathname, errors, others: Object.fromEntries(searchParams) }
}

/** Pages answer wherever a form leads. */
async function pageAt({ headers }: Received): Promise<Received> {
  const page = await exchange(app.port, { method: 'GET', path: headers.location! })
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  return page
}

describe('asking', () => {
  test('leads to "check your email", and the email comes', async () => {
    const person = await app.addPerson()
    const answer = await submit(paths.send, { login: person.username })
    expect(wayOf(answer)).toEqual({ page: '/forgot-password/sent/', errors: [], others: {} })
    await pageAt(answer)
    expect((await app.sink.next(person.email)).link).toBeDefined()
  })

  test('leads there for nobody as well, by the same bytes [A1]', async () => {
    const person = await app.addPerson()
    const answers = [
      await submit(paths.send, { login: person.username }),
      await submit(paths.send, { login: 'nobody' }),
    ]
    const plain = answers.map(({ status, text, headers }) => {
      const kept = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name))
      return { status, text, headers: Object.fromEntries(kept) }
    })
    expect(plain[0]).toEqual(plain[1])
  })

  test.each<[string, string, string[]]>([
    ['an empty field', 'login=', ['login.blank']],
    ['white space', 'login=+%C2%A0+', ['login.blank']],
    ['no field', '', ['login.required']],
    ['a character of nothing', 'login=ty%00ped', ['login.null-characters']],
    ['bytes that are no text', 'login=typed%ff', ['refused']],
    ['more than anybody types', `login=${'typed'.repeat(4000)}`, ['refused']],
    ['a link that is not ours', 'user_id=typed&timestamp=1&signature=typed', ['login.required']],
  ])('%s leads back to the form, and nothing typed travels in the address', async (_what, body, errors) => {
    const answer = await submit(paths.send, body)
    expect(wayOf(answer)).toEqual({ page: '/forgot-password/', errors, others: {} })
    expect(answer.headers.location).not.toMatch(/typed/)
    await pageAt(answer)
  })
})

describe('resetting', () => {
  const link = async () => {
    const person = await app.addPerson()
    const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person)
    return { person, link: { user_id, timestamp: String(timestamp), signature } }
  }

  test('leads to "your password was changed"', async () => {
    const { person, link: own } = await link()
    const password = newPassword()
    const answer = await submit(paths.reset, {
      ...own,
      username: person.username,
      password,
      password_confirm: password,
    })
    expect(wayOf(answer)).toEqual({ page: '/reset-password/done/', errors: [], others: {} })
    await pageAt(answer)
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
    ['no password', {}, ['password.required', 'password_confirm.required']],
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
      'a repetition that is no text',
      { password: 'secret lantern gravel', password_confirm: 'secret\0' },
      ['password_confirm.null-characters'],
    ],
    [
      'a character of nothing',
      { password: 'secret\0lantern gravel', password_confirm: 'x' },
      ['password.null-characters'],
    ],
  ])('%s leads back to the link’s own page, which stays alive [T14]', async (_what, typed, errors) => {
    const { person, link: own } = await link()
    const answer = await submit(paths.reset, { ...own, ...typed })
    expect(wayOf(answer)).toEqual({ page: '/reset-password/', errors, others: own })
    expect(answer.headers.location).not.toMatch(/secret|lantern|12345678|zA9/)
    expect((await pageAt(answer)).text).toContain(person.username)

    const password = newPassword()
    expect(wayOf(await submit(paths.reset, { ...own, password, password_confirm: password })).page).toBe(
      '/reset-password/done/',
    )
  })

  test('a password like the account’s name leads back with one word for it [P7]', async () => {
    const person = await app.addPerson({ username: 'wilhelmina.lanternby' })
    const { user_id, timestamp, signature } = await signedLinks(app).linkOf(person)
    const password = 'wilhelmina.lanternb1'
    const fields = { user_id, timestamp: String(timestamp), signature, password, password_confirm: password }
    expect(wayOf(await submit(paths.reset, fields)).errors).toEqual(['password.too-similar-username'])
  })

  test('a link that is dead or not ours leads to its page, which says what it is [T12]', async () => {
    const { person, link: own } = await link()
    const password = newPassword()
    const fields = { password, password_confirm: password }
    await submit(paths.reset, { ...own, ...fields })
    const forged = { ...own, signature: own.signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }
    for (const [spent, code] of [
      [own, 'signature-used'],
      [forged, 'signature-invalid'],
    ] as const) {
      const answer = await submit(paths.reset, { ...spent, ...fields })
      expect(wayOf(answer)).toEqual({ page: '/reset-password/', errors: [code], others: spent })
      expect((await pageAt(answer)).text).not.toContain(person.username)
    }
  })

  test('what is not like a link is left out of the address', async () => {
    const answer = await submit(paths.reset, {
      user_id: 'x'.repeat(256),
      timestamp: 'y'.repeat(256),
      password: 'secret',
    })
    expect(wayOf(answer)).toEqual({
      page: '/reset-password/',
      errors: ['timestamp.invalid-integer', 'signature.required', 'password_confirm.required'],
      others: {},
    })
  })

  test('a form on another site leads nowhere: the browser gets a plain refusal [H8]', async () => {
    const { person, link: own } = await link()
    const password = newPassword()
    const body = new URLSearchParams({ ...own, password, password_confirm: password }).toString()
    const foreign = [
      ...browser.filter(([name]) => !/^(?:Origin|Sec-)/.test(name)),
      ['Origin', 'https://evil.example'],
    ] as [string, string][]
    const answer = await exchange(app.port, { path: paths.reset, headers: foreign, body })
    expect([answer.status, answer.json]).toEqual([403, { detail: 'Cross-origin request refused.' }])
    expect(await app.passwordIs(person, password)).toBe(false)
  })
})
