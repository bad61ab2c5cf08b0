import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseResponse, sendBytes } from '@/e2e/support/raw-http'
import { exchange, type Received } from '@/e2e/support/exchange'
import { signedLinks } from '@/e2e/support/signed-links'
import type { CaughtEmail } from '@/e2e/support/mail-sink'
import { requestLinkPath, resetPath } from '@/e2e/support/endpoint-paths'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

// The proxy in front is trusted for the client's address only.

const origin = 'https://id.example.com'
const evil = 'evil.example'

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

async function send(start: string, lines: string[], body = '') {
  const head = [start, ...lines, 'Connection: close', ...(body ? [`Content-Length: ${body.length}`] : [])]
  return parseResponse(
    (await sendBytes(app.port, `${head.join('\r\n')}\r\n\r\n${body}`, { timeout: 10_000 })).text,
  )
}

function expectFromSettings(
  { from, recipients, raw, mail, link, cancelLink }: CaughtEmail,
  person: Person,
): void {
  const parameters = `\\?user_id=${person.id}&timestamp=\\d{10}&signature=[A-Za-z0-9_-]{86}$`
  expect(link).toMatch(new RegExp(`^https://id\\.example\\.com/reset-password/${parameters}`))
  expect(cancelLink).toMatch(new RegExp(`^https://id\\.example\\.com/cancel-reset/${parameters}`))
  expect([from, recipients]).toEqual(['no-reply@rekey.example', [person.email]])
  expect(mail.from?.text).toBe('"Rekey" <no-reply@rekey.example>')
  expect(mail.replyTo?.text).toBe('"Help" <help@rekey.example>')
  expect(mail.messageId).toMatch(/^<[0-9a-f-]{36}@rekey\.example>$/)
  expect(raw.toString('latin1') + mail.text + mail.html).not.toMatch(/evil/i)
}

describe('the host that a request names [C8, M6, CVE-2025-70948, CVE-2026-27812, CVE-2025-25198, CVE-2012-4520, CVE-2017-8295]', () => {
  const ownHost = 'Host: id.example.com'
  const post = `POST ${requestLinkPath} HTTP/1.1`
  const requests: [what: string, start: string, lines: string[], status: number][] = [
    ['another Host', post, [`Host: ${evil}`], 200],
    ['another Host with a port', post, [`Host: ${evil}:8443`], 200],
    ['our Host with another port', post, [`${ownHost}:8443`], 200],
    ['our Host within another', post, [`${ownHost}.${evil}`], 200],
    ['our Host as a user name', post, [`${ownHost}:x@${evil}`], 200],
    ['our Host and a path', post, [`${ownHost}/@${evil}`], 200],
    ['our Host in capitals', post, ['Host: ID.EXAMPLE.COM'], 200],
    ['an empty Host', post, ['Host:'], 200],
    ['a Host with a space', post, [`${ownHost} ${evil}`], 200],
    ['two Hosts', post, [ownHost, `Host: ${evil}`], 400],
    ['two Hosts, the other one first', post, [`Host: ${evil}`, ownHost], 400],
    ['two Hosts in two spellings', post, [ownHost, `hOST: ${evil}`], 400],
    ['no Host', post, [], 400],
    ['a folded Host', post, [ownHost, ` ${evil}`], 400],
    ['an absolute target', `POST http://${evil}${requestLinkPath} HTTP/1.1`, [ownHost], 400],
    [
      'an absolute target and its Host',
      `POST https://${evil}${requestLinkPath} HTTP/1.1`,
      [`Host: ${evil}`],
      400,
    ],
    ['an absolute target of our own', `POST ${origin}${requestLinkPath} HTTP/1.1`, [ownHost], 400],
    ['a target with two slashes', `POST //${evil}${requestLinkPath} HTTP/1.1`, [ownHost], 404],
    ['a target with an at sign', `POST @${evil}${requestLinkPath} HTTP/1.1`, [ownHost], 400],
    ['X-Forwarded-Host', post, [ownHost, `X-Forwarded-Host: ${evil}`], 200],
    ['X-Forwarded-Host, a list', post, [ownHost, `X-Forwarded-Host: id.example.com, ${evil}`], 200],
    ['X_Forwarded_Host', post, [ownHost, `X_Forwarded_Host: ${evil}`], 200],
    ['X-Forwarded-Server', post, [ownHost, `X-Forwarded-Server: ${evil}`], 200],
    ['X-Forwarded-Port', post, [ownHost, 'X-Forwarded-Port: 8443'], 200],
    ['X-Forwarded-Proto', post, [ownHost, 'X-Forwarded-Proto: https'], 200],
    ['X-Forwarded-Proto with a URL', post, [ownHost, `X-Forwarded-Proto: https://${evil}/?`], 200],
    ['X-Forwarded-Proto: http', post, [ownHost, 'X-Forwarded-Proto: http'], 403],
    ['X-Forwarded-Prefix', post, [ownHost, `X-Forwarded-Prefix: //${evil}`], 200],
    ['Forwarded', post, [ownHost, `Forwarded: for=1.1.1.1;host=${evil};proto=https`], 200],
    ['X-Host', post, [ownHost, `X-Host: ${evil}`], 200],
    ['X-Original-Host', post, [ownHost, `X-Original-Host: ${evil}`], 200],
    ['X-Original-URL', post, [ownHost, `X-Original-URL: https://${evil}/`], 200],
    ['X-Rewrite-URL', post, [ownHost, `X-Rewrite-URL: https://${evil}/`], 200],
    ['X-HTTP-Host-Override', post, [ownHost, `X-HTTP-Host-Override: ${evil}`], 200],
    ['X-Backend-Host', post, [ownHost, `X-Backend-Host: ${evil}`], 200],
    ['Base-Url', post, [ownHost, `Base-Url: https://${evil}/`], 200],
    ['Referer', post, [ownHost, `Referer: https://${evil}/`], 200],
    ['Origin', post, [ownHost, `Origin: https://${evil}`], 403],
    [
      'everything at once',
      post,
      [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, `Forwarded: host=${evil}`],
      200,
    ],
  ]

  test('the link and the sender of an email come from the settings, whatever host the request names [C8, M6]', async () => {
    const people = await Promise.all(requests.map(() => app.addPerson()))
    const responses = await Promise.all(
      requests.map(([, start, lines], at) =>
        send(
          start,
          [...lines, 'Content-Type: application/json'],
          JSON.stringify({ login: people[at]!.username }),
        ),
      ),
    )
    expect(requests.map(([what], at) => [what, responses[at]!.status])).toEqual(
      requests.map(([what, , , status]) => [what, status]),
    )
    for (const [at, [what, , , status]] of requests.entries()) {
      const person = people[at]!
      if (status === 200) expectFromSettings(await app.sink.next(person.email), person)
      else expect([what, app.sink.countTo(person.email)]).toEqual([what, 0])
      expect(responses[at]!.body).not.toContain(evil)
    }
  })

  test('the link in the email about a changed password comes from the settings, whatever host the request names [C8]', async () => {
    const person = await app.addPerson()
    const link = await signedLinks({ ...app, url: origin }).linkOf(person)
    const body = JSON.stringify({ ...link, password: newPassword() })
    const lines = [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, 'Content-Type: application/json']
    expect((await send(`POST ${resetPath} HTTP/1.1`, lines, body)).status).toBe(200)
    const { raw, mail, cancelLink } = await app.sink.next(person.email)
    expect(cancelLink).toMatch(/^https:\/\/id\.example\.com\/cancel-reset\/\?/)
    expect(raw.toString('latin1') + mail.text + mail.html).not.toMatch(/evil/i)
  })

  test('no redirect and no page leads to the host that a request names [C8]', async () => {
    const otherHosts = [`Host: ${evil}`, `X-Forwarded-Host: ${evil}`, `Forwarded: host=${evil}`]
    for (const path of [
      '/',
      '/forgot-password',
      '/reset-password/',
      '/.well-known/change-password',
      '/nowhere',
    ]) {
      const { headers, body } = await send(`GET ${path} HTTP/1.1`, otherHosts)
      expect([path, headers.get('location') ?? '/']).toEqual([path, expect.stringMatching(/^\/(?!\/)/)])
      expect([path, body.includes(evil)]).toEqual([path, false])
    }
    const form = [...otherHosts, 'Content-Type: application/x-www-form-urlencoded', 'Accept: text/html']
    for (const path of [requestLinkPath, resetPath]) {
      const { status, headers } = await send(`POST ${path} HTTP/1.1`, form, 'login=nobody')
      expect([path, status]).toEqual([path, 303])
      expect(headers.get('location')).toMatch(/^\/(?!\/)/)
    }
  })
})

describe('the redirect target that a request names [C9, GHSA-vp58-j275-797x, CVE-2026-26185]', () => {
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

  test('a redirect target in body or query changes neither the response to a request nor the email [C9, A1]', async () => {
    const people: Person[] = []
    const ordinary = await post(requestLinkPath, { login: 'nobody' })
    for (const value of [...values, 7, [`https://${evil}/`], { url: `https://${evil}/` }, null]) {
      const person = await app.addPerson()
      people.push(person)
      const query = `?${new URLSearchParams(fieldsOf(typeof value === 'string' ? value : `https://${evil}/`))}`
      expect(await post(requestLinkPath, { ...fieldsOf(value), login: person.username }, query)).toEqual(
        ordinary,
      )
    }
    for (const person of people) expectFromSettings(await app.sink.next(person.email), person)
  })

  test('a redirect target in the body does not change the response to a reset, in JSON or in a browser [C9, S2]', async () => {
    for (const value of values.slice(0, 4)) {
      const person = await app.addPerson()
      const link = await signedLinks({ ...app, url: origin }).linkOf(person)
      const response = await post(resetPath, { ...fieldsOf(value), ...link, password: newPassword() })
      expect([response.status, response.text, response.headers.location]).toEqual([
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
        path: resetPath,
        headers: [
          ['Content-Type', 'application/x-www-form-urlencoded'],
          ['Accept', 'text/html'],
        ],
        body: form.toString(),
      })
      expect([page.status, page.headers.location]).toEqual([303, '/reset-password/done/'])
    }
  })

  test('a page neither links nor redirects to the target in its query [C9]', async () => {
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
        const response = await exchange(app.port, { method: 'GET', path: `${path}?${query}` })
        expect([200, 307]).toContain(response.status)
        expect(response.headers.location ?? '/').toMatch(/^\/(?!\/)/)
        expect(response.headers.refresh).toBeUndefined()
        const attributes = response.text.match(
          /<[a-z][^>]*\b(href|src|action|formaction|content)="[^"]*evil[^"]*"/gi,
        )
        expect([path, attributes]).toEqual([path, null])
      }
    }
  })

  test('a request with a malformed redirect target takes as long for a known login as for an unknown one [C9, CVE-2026-26185]', async () => {
    const known = await app.addPerson()
    const timed = async (login: string) => {
      const start = performance.now()
      await post(requestLinkPath, { ...fieldsOf('http://['), login })
      return performance.now() - start
    }
    const differences: number[] = []
    for (let pair = 0; pair < 20; pair += 1) {
      const [first, second] = pair % 2 === 0 ? [known.username, 'nobody'] : ['nobody', known.username]
      const times = [await timed(first), await timed(second)] as const
      differences.push(pair % 2 === 0 ? times[0] - times[1] : times[1] - times[0])
    }
    // CVE-2026-26185 made half a second of difference. Smaller differences are measured in e2e/timing/.
    expect(Math.abs(differences.sort((a, b) => a - b)[10]!)).toBeLessThan(50)
  })
})
