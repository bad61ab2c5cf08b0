import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAnswer, talk } from '@/e2e/support/raw-http'
import { exchange, type Received } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import type { CaughtEmail } from '@/e2e/support/mail-sink'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

// What a request says of where it came from and where to go next. Mailed links and redirects come from settings; a
// proxy in front is trusted here for the client's address, and for that alone.

const origin = 'https://id.example.com'
const evil = 'evil.example'
const ask = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'

let app: RunningApp
beforeAll(async () => {
  app = await startApp({
    env: {
      PUBLIC_URL: origin,
      TRUSTED_PROXY_HOPS: '1',
      VERIFICATION_REPLY_TO_EMAIL: 'Help <help@rekey.example>',
    },
  })
})
afterAll(() => app?.stop())

const json: [string, string] = ['Content-Type', 'application/json']

/** Sends bytes as they are, with a connection that ends after the answer, and returns that. */
async function speak(start: string, lines: string[], body = '') {
  const head = [start, ...lines, 'Connection: close', ...(body ? [`Content-Length: ${body.length}`] : [])]
  return parseAnswer((await talk(app.port, `${head.join('\r\n')}\r\n\r\n${body}`, { patience: 10_000 })).text)
}

/** The email about a link is from us, says one link and one way back, both ours, and mentions nobody else. */
function expectOurs({ from, recipients, raw, mail, link, cancelLink }: CaughtEmail, person: Person): void {
  const parameters = `\\?user_id=${person.id}&timestamp=\\d{10}&signature=[A-Za-z0-9_-]{86}$`
  expect(link).toMatch(new RegExp(`^https://id\\.example\\.com/reset-password/${parameters}`))
  expect(cancelLink).toMatch(new RegExp(`^https://id\\.example\\.com/cancel-reset/${parameters}`))
  expect([from, recipients]).toEqual(['no-reply@rekey.example', [person.email]])
  expect(mail.from?.text).toBe('"Rekey" <no-reply@rekey.example>')
  expect(mail.replyTo?.text).toBe('"Help" <help@rekey.example>')
  expect(mail.messageId).toMatch(/^<[0-9a-f-]{36}@rekey\.example>$/)
  expect(raw.toString('latin1') + mail.text + mail.html).not.toMatch(/evil/i)
}

describe('the host [C8, M6, CVE-2025-70948, CVE-2026-27812, CVE-2025-25198, CVE-2012-4520, CVE-2017-8295]', () => {
  const here = 'Host: id.example.com'
  const post = `POST ${ask} HTTP/1.1`
  const ways: [what: string, start: string, lines: string[], status: number][] = [
    ['another Host', post, [`Host: ${evil}`], 200],
    ['another Host with a port', post, [`Host: ${evil}:8443`], 200],
    ['our Host with another port', post, [`${here}:8443`], 200],
    ['our Host within another', post, [`${here}.${evil}`], 200],
    ['our Host as a user name', post, [`${here}:x@${evil}`], 200],
    ['our Host and a path', post, [`${here}/@${evil}`], 200],
    ['our Host in capitals', post, ['Host: ID.EXAMPLE.COM'], 200],
    ['an empty Host', post, ['Host:'], 200],
    ['a Host with a blank', post, [`${here} ${evil}`], 200],
    ['two Hosts', post, [here, `Host: ${evil}`], 400],
    ['two Hosts, the other one first', post, [`Host: ${evil}`, here], 400],
    ['two Hosts in two spellings', post, [here, `hOST: ${evil}`], 400],
    ['no Host', post, [], 400],
    ['a folded Host', post, [here, ` ${evil}`], 400],
    ['an absolute target', `POST http://${evil}${ask} HTTP/1.1`, [here], 400],
    ['an absolute target and its Host', `POST https://${evil}${ask} HTTP/1.1`, [`Host: ${evil}`], 400],
    ['an absolute target of our own', `POST ${origin}${ask} HTTP/1.1`, [here], 400],
    ['a target with two slashes', `POST //${evil}${ask} HTTP/1.1`, [here], 404],
    ['a target with an at sign', `POST @${evil}${ask} HTTP/1.1`, [here], 400],
    ['X-Forwarded-Host', post, [here, `X-Forwarded-Host: ${evil}`], 200],
    ['X-Forwarded-Host, a list', post, [here, `X-Forwarded-Host: id.example.com, ${evil}`], 200],
    ['X_Forwarded_Host', post, [here, `X_Forwarded_Host: ${evil}`], 200],
    ['X-Forwarded-Server', post, [here, `X-Forwarded-Server: ${evil}`], 200],
    ['X-Forwarded-Port', post, [here, 'X-Forwarded-Port: 8443'], 200],
    ['X-Forwarded-Proto', post, [here, 'X-Forwarded-Proto: https'], 200],
    ['X-Forwarded-Proto, a scheme of its own', post, [here, `X-Forwarded-Proto: https://${evil}/?`], 200],
    ['X-Forwarded-Proto: http', post, [here, 'X-Forwarded-Proto: http'], 403],
    ['X-Forwarded-Prefix', post, [here, `X-Forwarded-Prefix: //${evil}`], 200],
    ['Forwarded', post, [here, `Forwarded: for=1.1.1.1;host=${evil};proto=https`], 200],
    ['X-Host', post, [here, `X-Host: ${evil}`], 200],
    ['X-Original-Host', post, [here, `X-Original-Host: ${evil}`], 200],
    ['X-Original-URL', post, [here, `X-Original-URL: https://${evil}/`], 200],
    ['X-Rewrite-URL', post, [here, `X-Rewrite-URL: https://${evil}/`], 200],
    ['X-HTTP-Host-Override', post, [here, `X-HTTP-Host-Override: ${evil}`], 200],
    ['X-Backend-Host', post, [here, `X-Backend-Host: ${evil}`], 200],
    ['Base-Url', post, [here, `Base-Url: https://${evil}/`], 200],
    ['Referer', post, [here, `Referer: https://${evil}/`], 200],
    ['Origin', post, [here, `Origin: https://${evil}`], 403],
    [
      'everything at once',
      post,
      [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, `Forwarded: host=${evil}`],
      200,
    ],
  ]

  test('whatever a request calls us, the email is from the settings, byte by byte [C8, M6]', async () => {
    const people = await Promise.all(ways.map(() => app.addPerson()))
    const answers = await Promise.all(
      ways.map(([, start, lines], at) =>
        speak(
          start,
          [...lines, 'Content-Type: application/json'],
          JSON.stringify({ login: people[at]!.username }),
        ),
      ),
    )
    expect(ways.map(([what], at) => [what, answers[at]!.status])).toEqual(
      ways.map(([what, , , status]) => [what, status]),
    )
    for (const [at, [what, , , status]] of ways.entries()) {
      const person = people[at]!
      if (status === 200) expectOurs(await app.sink.next(person.email), person)
      else expect([what, app.sink.countTo(person.email)]).toEqual([what, 0])
      expect(answers[at]!.body).not.toContain(evil)
    }
  })

  test('the email about a change is from the settings, too [C8]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: origin }).linkOf(person)
    const body = JSON.stringify({ ...link, password: newPassword() })
    const lines = [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, 'Content-Type: application/json']
    expect((await speak(`POST ${reset} HTTP/1.1`, lines, body)).status).toBe(200)
    const { raw, mail, cancelLink } = await app.sink.next(person.email)
    expect(cancelLink).toMatch(/^https:\/\/id\.example\.com\/cancel-reset\/\?/)
    expect(raw.toString('latin1') + mail.text + mail.html).not.toMatch(/evil/i)
  })

  test('nor does a redirect or a page lead to another host [C8]', async () => {
    const lies = [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, `Forwarded: host=${evil}`]
    for (const path of [
      '/',
      '/forgot-password',
      '/reset-password/',
      '/.well-known/change-password',
      '/nowhere',
    ]) {
      const { headers, body } = await speak(`GET ${path} HTTP/1.1`, lies)
      expect([path, headers.get('location') ?? '/']).toEqual([path, expect.stringMatching(/^\/(?!\/)/)])
      expect([path, body.includes(evil)]).toEqual([path, false])
    }
    const form = [...lies, 'Content-Type: application/x-www-form-urlencoded', 'Accept: text/html']
    for (const path of [ask, reset]) {
      const { status, headers } = await speak(`POST ${path} HTTP/1.1`, form, 'login=nobody')
      expect([path, status]).toEqual([path, 303])
      expect(headers.get('location')).toMatch(/^\/(?!\/)/)
    }
  })
})

describe('where to go next [C9, GHSA-vp58-j275-797x, CVE-2026-26185]', () => {
  const names =
    'redirect_to redirectTo redirect redirect_uri redirectUrl reset_url resetUrl reset_password_url callbackURL callbackUrl ' +
    'callback_url callback next return returnTo return_to return_url continue url link base_url baseUrl origin host ' +
    'success_url failure_url target dest destination goto RelayState state verification_url user_id_url template'
  const values = [
    `https://${evil}/`,
    `//${evil}`,
    `\\\\${evil}`,
    `javascript:alert('${evil}')`,
    '%',
    'http://[',
    '\ud800',
  ]
  const fieldsOf = <Value>(value: Value) => Object.fromEntries(names.split(' ').map((name) => [name, value]))

  /** All of an answer but for what is new in each. */
  const plain = ({ status, headers, text }: Received) => {
    const kept = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name))
    return { status, text, headers: Object.fromEntries(kept) }
  }
  const post = async (path: string, body: object, query = '') =>
    plain(
      await exchange(app.port, {
        path: `${path}${query}`,
        headers: [json, ['X-Forwarded-For', '203.0.113.77']],
        body: JSON.stringify(body),
      }),
    )

  test('said in the body or the query, it changes neither answer nor email [C9, A1]', async () => {
    const people: Person[] = []
    const usual = await post(ask, { login: 'nobody' })
    for (const value of [...values, 7, [`https://${evil}/`], { url: `https://${evil}/` }, null]) {
      const person = await app.addPerson()
      people.push(person)
      const query = `?${new URLSearchParams(fieldsOf(typeof value === 'string' ? value : `https://${evil}/`))}`
      expect(await post(ask, { ...fieldsOf(value), login: person.username }, query)).toEqual(usual)
    }
    for (const person of people) expectOurs(await app.sink.next(person.email), person)
  })

  test('nor the answer to a reset, in JSON or for a browser [C9, S2]', async () => {
    for (const value of values.slice(0, 4)) {
      const person = await app.addPerson()
      const link = await signedLinks({ ...app, url: origin }).linkOf(person)
      const answer = await post(reset, { ...fieldsOf(value), ...link, password: newPassword() })
      expect([answer.status, answer.text, answer.headers.location]).toEqual([
        200,
        '{"detail":"Reset password successful"}',
        undefined,
      ])
      const other = await app.addPerson()
      const fields = { ...fieldsOf(value), ...(await signedLinks({ ...app, url: origin }).linkOf(other)) }
      const form = new URLSearchParams({
        ...fields,
        timestamp: String(fields.timestamp),
        password: newPassword(),
      })
      const page = await exchange(app.port, {
        path: reset,
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Accept', 'text/html'],
        ],
        body: form.toString(),
      })
      expect([page.status, page.headers.location]).toEqual([303, '/reset-password/done/'])
    }
  })

  test('pages neither link nor send anybody there [C9]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: origin }).linkOf(person)
    for (const value of values.slice(0, 4)) {
      const query = new URLSearchParams({ ...fieldsOf(value), ...link, timestamp: String(link.timestamp) })
      for (const path of [
        '/',
        '/forgot-password/',
        '/forgot-password/sent/',
        '/reset-password/',
        '/reset-password/done/',
      ]) {
        const answer = await exchange(app.port, { method: 'GET', path: `${path}?${query}` })
        expect([200, 307]).toContain(answer.status)
        expect(answer.headers.location ?? '/').toMatch(/^\/(?!\/)/)
        expect(answer.headers.refresh).toBeUndefined()
        const attributes = answer.text.match(
          /<[a-z][^>]*\b(href|src|action|formaction|content)="[^"]*evil[^"]*"/gi,
        )
        expect([path, attributes]).toEqual([path, null])
      }
    }
  })

  test('an address that cannot be read takes no longer for one that exists [C9, CVE-2026-26185]', async () => {
    const known = await app.addPerson()
    const timed = async (login: string) => {
      const start = performance.now()
      await post(ask, { ...fieldsOf('http://['), login })
      return performance.now() - start
    }
    const differences: number[] = []
    for (let pair = 0; pair < 20; pair += 1) {
      const [first, second] = pair % 2 === 0 ? [known.username, 'nobody'] : ['nobody', known.username]
      const times = [await timed(first), await timed(second)] as const
      differences.push(pair % 2 === 0 ? times[0] - times[1] : times[1] - times[0])
    }
    // Half a second it was there. What is a millisecond or two is measured elsewhere, with a machine to itself.
    expect(Math.abs(differences.sort((a, b) => a - b)[10]!)).toBeLessThan(50)
  })
})
