import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { expect, test, type Page } from 'playwright/test'
import { call, clients } from '@/e2e/support/browser/front-end-clients'
import { signedLinks } from '@/e2e/support/signed-links'
import { newPassword, startApp, type Person, type RunningApp } from '@/e2e/support/running-app'

const guide = readFileSync('docs/front-ends.md', 'utf8')
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!)

const pages = createServer((_, answer) =>
  answer.setHeader('Content-Type', 'text/html').end('<h1>Front end</h1>'),
)
let app: RunningApp
/** Allowed origins: one of another site than the app, and one of the app's site on another port, which sends cookies. */
let listed: string[]
let stranger: string

test.beforeAll(async () => {
  test.setTimeout(120_000)
  pages.listen(0, '127.0.0.1')
  await once(pages, 'listening')
  const { port } = pages.address() as AddressInfo
  listed = [`http://app.localhost:${port}`, `http://127.0.0.1:${port}`]
  stranger = `http://localhost:${port}`
  app = await startApp({
    env: {
      CORS_ALLOWED_ORIGINS: listed.join(','),
      RESET_PASSWORD_VERIFICATION_URL: `${listed[0]}/#/reset-password/`,
      LIMIT_REQUESTS_PER_LOGIN: '1/10m',
    },
  })
})
test.afterAll(async () => {
  await app?.stop()
  pages.close()
})

test('scripts on an allowed origin can send the headers of every client and read every response [V4]', async ({
  page,
}) => {
  await page.context().addCookies([{ name: 'sessionid', value: 'theirs', url: app.url }])
  const cookies: (string | undefined)[] = []
  page.on('requestfinished', (request) => {
    if (request.method() === 'POST') void request.allHeaders().then(({ cookie }) => cookies.push(cookie))
  })
  const url = `${app.url}/api/v1/accounts/send-reset-password-link/`
  for (const [at, origin] of listed.entries()) {
    await page.goto(origin)
    for (const [name, client] of Object.entries(clients)) {
      const send = (fields: object) => call(page, { ...client, url, body: JSON.stringify(fields) })
      const login = `${name} ${at}`
      expect([name, await send({ login })]).toEqual([
        name,
        {
          status: 200,
          body: { detail: 'Reset link sent if the user exists in database' },
          codes: null,
          retryAfter: null,
        },
      ])
      expect([name, await send({ login: '' })]).toEqual([
        name,
        {
          status: 400,
          body: { login: ['This field may not be blank.'] },
          codes: 'login=blank',
          retryAfter: null,
        },
      ])
      expect([name, await send({ login })]).toEqual([
        name,
        expect.objectContaining({ status: 429, retryAfter: expect.stringMatching(/^\d+$/) }),
      ])
    }
  }
  // The browser sent its cookie to the app, and the app set none.
  await expect.poll(() => cookies).toContain('sessionid=theirs')
  expect((await page.context().cookies()).map(({ name }) => name)).toEqual(['sessionid'])
})

test('the browser blocks the requests of scripts on an origin that is not allowed [H9]', async ({ page }) => {
  await page.goto(stranger)
  const person = await app.addPerson()
  const url = `${app.url}/api/v1/accounts/send-reset-password-link/`
  for (const client of Object.values(clients))
    expect(await call(page, { ...client, url, body: JSON.stringify({ login: person.username }) })).toBe(
      'blocked',
    )
  expect(await call(page, { how: 'fetch', url, headers: {}, body: '{}' })).toBe('blocked')
  const { rows } = await app.sql.query(`SELECT 1 FROM rekey_queue.job WHERE data::text LIKE $1`, [
    `%${person.username}%`,
  ])
  expect(rows).toEqual([])
})

test('a front end with a hash router reads the link of the email and resets the password with it [V4]', async ({
  page,
}) => {
  const person = await app.addPerson()
  await app.post('send-reset-password-link', { login: person.username })
  const { link } = await app.sink.next(person.email)
  expect(link).toMatch(/^http:\/\/app\.localhost:\d+\/#\/reset-password\/\?user_id=/)
  await page.goto(link!)
  await runGuide(page)
  const password = newPassword()
  const answer = await page.evaluate(
    `call('reset-password', { ...readLink(location.href), password: ${JSON.stringify(password)} })`,
  )
  expect(answer).toMatchObject({ status: 200, body: { detail: 'Reset password successful' } })
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('the guide’s function readLink repairs links that mail programs damaged [V4]', async ({ page }) => {
  await page.goto(listed[0]!)
  await runGuide(page)
  const fields = { user_id: 'U', timestamp: '1795436000', signature: `S-_${'x'.repeat(83)}` }
  const query = new URLSearchParams(fields).toString()
  for (const base of [`${listed[0]}/reset?`, `${listed[0]}/?tenant=a#/reset/?`])
    for (const damaged of [
      query,
      query.replaceAll('&', '&amp;'),
      query.replace('&times', '×'),
      query.replace('xxxx', 'xx%0D%0A xx'),
      query.replace('xxxx', 'xx\u200bxx'),
      `${query}).`,
    ])
      expect([damaged, await page.evaluate(`readLink(${JSON.stringify(base + damaged)})`)]).toEqual([
        damaged,
        fields,
      ])
})

test('the guide’s function call returns error codes and the seconds to wait [V4]', async ({ page }) => {
  await page.goto(listed[0]!)
  await runGuide(page)
  expect(await page.evaluate(`call('reset-password', {})`)).toMatchObject({
    status: 400,
    codes: [
      ['user_id', 'required'],
      ['timestamp', 'required'],
      ['signature', 'required'],
      ['password', 'required'],
    ],
  })
  const twice = `call('send-reset-password-link', { login: 'twice' })`
  await page.evaluate(twice)
  expect(((await page.evaluate(twice)) as { retryAfter: number }).retryAfter).toBeGreaterThan(0)
})

test('every request in the guide gets the response that the guide shows [V4]', async () => {
  for (const block of blocks('sh')) {
    const command = block.replaceAll('https://id.example.com', app.url)
    const expected = [...block.matchAll(/^# (.+)$/gm)].map(([, line]) => line!)
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env: await variablesFor(block) })
    expect([block, ...linesOf(stdout)]).toEqual([block, ...linesOf(expected.join('\n'))])
  }
  expect(blocks('sh').length).toBeGreaterThan(5)
})

/** In lower case, because header names ignore case. */
function linesOf(text: string): string[] {
  return text.trim().toLowerCase().split(/\r?\n/)
}

async function variablesFor(block: string): Promise<NodeJS.ProcessEnv> {
  const person: Person = await app.addPerson()
  const purpose = block.includes('/cancel-') ? 'cancel' : 'reset'
  const link = await signedLinks(app).linkOf(person, { purpose })
  return {
    NODE_ENV: 'test',
    PATH: process.env.PATH,
    USER_ID: link.user_id,
    TIMESTAMP: String(link.timestamp),
    SIGNATURE: link.signature,
  }
}

async function runGuide(page: Page): Promise<void> {
  await page.addScriptTag({ content: blocks('js').join('\n').replaceAll('https://id.example.com', app.url) })
}
