// `npm run screenshots`: screenshots of every state of every page and of both emails, in every language, on three screen
// sizes, light, dark and with forced colours, in `screenshots/`. They are for people; nothing is compared. All of them take
// an hour; each option narrows the selection and accepts a list:
//   npm run screenshots -- --lang ar,ja --state reset,policy --size 320 --scheme light,dark
//   npm run screenshots -- --url http://localhost:3000      (a running demo, and only states that do not change it)
import { startScript } from './stop-signals.js'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { simpleParser } from 'mailparser'
import { chromium } from 'playwright'
import { findBrowser } from './find-browser.js'

/** @typedef {{ live: string, cancel: string, used: string, expired: string, letters: Map<string, string> }} Links */
/** @typedef {{ page: import('playwright').Page, url: string, language: string, links: Links, dataDir: string }} Visit */

const sizes = {
  320: { width: 320, height: 568 },
  390: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
}
const schemes = ['light', 'dark', 'forced']
// Read as text: this file is plain JavaScript, which cannot import TypeScript.
const languages = [
  .../** @type {string} */ (
    /export const languages = \[([^\]]*)\]/.exec(readFileSync('lib/i18n/locales.ts', 'utf8'))?.[1]
  ).matchAll(/'([\w-]+)'/g),
].map(([, tag]) => /** @type {string} */ (tag))

/** @param {string} at */
const page =
  (at) =>
  async (/** @type {Visit} */ { page, url, language }) => {
    await page.goto(`${url}${at}${at.includes('?') ? '&' : '?'}lang=${language}`)
  }
/** @param {'live' | 'cancel' | 'used' | 'expired'} name */
const link =
  (name) =>
  async (/** @type {Visit} */ { page, language, links }) => {
    await page.goto(`${links[name]}&lang=${language}`)
  }
/** @param {'reset' | 'changed'} kind */
const letter =
  (kind) =>
  async (/** @type {Visit} */ { page, language, links }) => {
    // Otherwise the policy of the previous page stays, which allows no inline styles.
    await page.goto('about:blank')
    await page.setContent(links.letters.get(`${kind} ${language}`) ?? '')
  }

/** Fills in and submits a form. @param {Visit} visit @param {string} field @param {string} value */
async function send({ page }, field, value) {
  await page.locator(field).fill(value)
  await page.locator('main form button[type=submit]').click()
}

/**
 * Shows the error page: that of the mailbox, the only page that can be broken and repaired from outside.
 * @param {Visit} visit
 */
async function breakPage({ page, url, dataDir }) {
  const mail = path.join(dataDir, 'mail')
  const aside = `${mail}-aside`
  renameSync(mail, aside)
  writeFileSync(mail, '')
  try {
    await page.goto(`${url}/dev/mailbox/`)
    await page.locator('main button').waitFor()
  } finally {
    rmSync(mail)
    renameSync(aside, mail)
  }
}

/** The steps to reach each state. */
const states = {
  ask: page('/forgot-password/'),
  'ask-errors': async (/** @type {Visit} */ visit) => {
    await page('/forgot-password/')(visit)
    await visit.page.locator('main form button[type=submit]').click()
    await visit.page.locator('#login-errors').waitFor()
  },
  'ask-errors-without-script': page('/forgot-password/?error=login.blank'),
  sent: async (/** @type {Visit} */ visit) => {
    await page('/forgot-password/')(visit)
    await send(visit, '#login', 'grace.hopper@gmail.com')
    await visit.page.waitForURL('**/sent/**')
    await visit.page.locator('main ul').waitFor()
  },
  'sent-too-soon': async (/** @type {Visit} */ visit) => {
    await states.sent(visit)
    await visit.page.locator('main button').first().click()
    await visit.page.locator('main [role=status]').filter({ hasText: /./ }).waitFor()
  },
  'sent-offline': async (/** @type {Visit} */ visit) => {
    await states.sent(visit)
    await visit.page.context().setOffline(true)
    await visit.page.locator('main button').first().click()
    await visit.page.locator('main [role=alert] div').first().waitFor()
    await visit.page.context().setOffline(false)
  },
  'sent-without-script': page('/forgot-password/sent/'),
  'ask-busy': async (/** @type {Visit} */ visit) => {
    await page('/forgot-password/')(visit)
    await visit.page.route('**/api/**', () => {}, { times: 1 }) // never answered
    await send(visit, '#login', 'grace')
    await visit.page.locator('main form button[aria-disabled=true]').waitFor()
  },
  offline: async (/** @type {Visit} */ visit) => {
    await page('/forgot-password/')(visit)
    await visit.page.context().setOffline(true)
    await send(visit, '#login', 'grace')
    await visit.page.locator('main [role=alert] div').first().waitFor()
    await visit.page.context().setOffline(false)
  },
  throttled: page('/forgot-password/?error=throttled'),
  unavailable: page('/forgot-password/?error=unavailable'),
  reset: link('live'),
  'reset-typing': async (/** @type {Visit} */ visit) => {
    await link('live')(visit)
    await visit.page.locator('#password').fill('gravel lantern pöt')
  },
  policy: async (/** @type {Visit} */ visit) => {
    await link('live')(visit)
    await send(visit, '#password', '1234567')
    await visit.page.locator('#password-errors').waitFor()
  },
  'language-menu': async (/** @type {Visit} */ visit) => {
    await link('live')(visit)
    await visit.page.locator('footer summary').click()
  },
  used: link('used'),
  damaged: page('/reset-password/?user_id=1&timestamp=1&signature=damaged'),
  missing: page('/reset-password/'),
  done: page('/reset-password/done/'),
  cancel: link('cancel'),
  cancelled: page('/cancel-reset/done/'),
  'cancel-damaged': page('/cancel-reset/?user_id=1'),
  'cancel-missing': page('/cancel-reset/'),
  'not-found': page('/nothing-here/'),
  'letter-reset': letter('reset'),
  'letter-changed': letter('changed'),
  error: breakPage,
  expired: link('expired'),
}

/** States that exist in English only. */
const inEnglish = {
  'global-error': async (/** @type {Visit} */ visit) => {
    // Without its messages the error page fails too, which shows the global error page.
    await visit.page.route('**/dev/mailbox/', async (route) => {
      const response = await route.fetch()
      await route.fulfill({
        response,
        body: (await response.text()).replace('\\"words\\":{', '\\"nothing\\":{'),
      })
    })
    await breakPage(visit)
    await visit.page.unrouteAll()
  },
  mailbox: page('/dev/mailbox/'),
  'mailbox-found-nothing': page('/dev/mailbox/?q=nobody'),
  'mailbox-letter': async (/** @type {Visit} */ visit) => {
    await page('/dev/mailbox/')(visit)
    await visit.page.locator('main li a').first().click()
    await visit.page.locator('iframe').waitFor()
    await visit.page.waitForLoadState('networkidle')
  },
}
const everyState = { ...states, ...inEnglish }

const { values } = parseArgs({
  options: {
    lang: { type: 'string', default: languages.join() },
    state: { type: 'string', default: Object.keys(everyState).join() },
    size: { type: 'string', default: Object.keys(sizes).join() },
    scheme: { type: 'string', default: schemes.join() },
    url: { type: 'string' },
    out: { type: 'string', default: 'screenshots' },
  },
})
/** @template {string} T @param {string} given @param {readonly T[]} known @returns {T[]} */
function choose(given, known) {
  const wanted = given.split(',')
  const odd = wanted.find((one) => !(/** @type {readonly string[]} */ (known).includes(one)))
  if (odd !== undefined) throw new Error(`There is no "${odd}"; there are ${known.join(', ')}.`)
  return known.filter((one) => wanted.includes(one))
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Starts a demo on its own data directory.
 * @param {string} dataDir @param {number} port @param {Record<string, string>} env
 */
async function startDemo(dataDir, port, env = {}) {
  const url = `http://localhost:${port}`
  const demo = startScript('scripts/run.js', ['demo'], {
    env: {
      ...process.env,
      DATABASE_URL: '',
      SMTP_URL: '',
      DATA_DIR: dataDir,
      PORT: String(port),
      PUBLIC_URL: url,
      LETTER_COOLDOWN: '0s',
      LIMIT_LETTERS_PER_ACCOUNT: '100/1m',
      LIMIT_ASKS_PER_CLIENT: '1000000/1m',
      LIMIT_ASKS_PER_LOGIN: '1000000/1m',
      LIMIT_RESETS_PER_CLIENT: '1000000/1m',
      LIMIT_ATTEMPTS_PER_LINK: '1000000/1m',
      SUPPORT_EMAIL: 'help@example.com',
      SIGN_IN_URL: 'https://app.example.com/sign-in/',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(demo, 'exit')
  while ((await fetch(`${url}/api/health/ready`).catch(() => undefined))?.status !== 200) {
    if (demo.exitCode !== null) throw new Error(`The demo ended with ${demo.exitCode}.`)
    await pause(200)
  }
  return {
    url,
    async stop() {
      demo.kill('SIGTERM')
      await ended
    },
  }
}

/** @param {string} url @param {string} endpoint @param {string} language @param {Record<string, string>} body */
async function post(url, endpoint, language, body) {
  const { status } = await fetch(`${url}/api/v1/accounts/${endpoint}/?lang=${language}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (status !== 200) throw new Error(`${endpoint} was answered ${status}.`)
}

/**
 * Reads new emails to an address from the demo's mailbox.
 * @param {string} url @param {string} address
 */
function openMailbox(url, address) {
  /** @type {Set<string>} */
  const seen = new Set()
  const list = async () => {
    const html = await (await fetch(`${url}/dev/mailbox/?q=${encodeURIComponent(address)}`)).text()
    return [...html.matchAll(/href="\/dev\/mailbox\/([\w-]+)\/"/g)].map(
      ([, id]) => /** @type {string} */ (id),
    )
  }
  return {
    async skip() {
      for (const id of await list()) seen.add(id)
    },
    async next() {
      for (let tries = 0; tries < 150; tries += 1, await pause(100)) {
        const id = (await list()).find((one) => !seen.has(one))
        if (id === undefined) continue
        seen.add(id)
        const { html, text = '' } = await simpleParser(
          await (await fetch(`${url}/dev/mailbox/${id}/source/`)).text(),
        )
        const links = text.match(/https?:\/\/\S+[?&]signature=[\w-]+/g) ?? []
        const cancel = links.find((one) => new URL(one).pathname === '/cancel-reset/') ?? ''
        return { html: html || '', link: links.find((one) => one !== cancel) ?? '', cancel }
      }
      throw new Error(`No email to ${address} within 15 seconds.`)
    },
  }
}

/**
 * Produces real links and emails by requesting, reading and using them.
 * @param {string} url @param {string} login @param {string} address
 * @param {string[]} chosen languages of the emails; an empty list leaves the account unchanged
 * @returns {Promise<Links>}
 */
async function prepare(url, login, address, chosen) {
  const mailbox = openMailbox(url, address)
  await mailbox.skip()
  const letters = new Map()
  let used = ''
  for (const language of chosen) {
    await post(url, 'send-reset-password-link', language, { login })
    const reset = await mailbox.next()
    letters.set(`reset ${language}`, reset.html)
    const { searchParams } = new URL(reset.link)
    const password = `gravel ${Math.random().toString(36).slice(2)} lantern`
    await post(url, 'reset-password', language, { ...Object.fromEntries(searchParams), password })
    letters.set(`changed ${language}`, (await mailbox.next()).html)
    used = reset.link
  }
  await post(url, 'send-reset-password-link', 'en', { login })
  const { link, cancel } = await mailbox.next()
  return { live: link, cancel, used, expired: link, letters }
}

/** @param {string} url @param {Links} links @param {string} dataDir @param {(keyof typeof everyState)[]} wanted */
async function takePictures(url, links, dataDir, wanted) {
  const browser = await chromium.launch({
    executablePath: findBrowser(),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
  let count = 0
  for (const language of choose(values.lang, languages))
    for (const scheme of choose(values.scheme, schemes))
      for (const size of choose(values.size, /** @type {(keyof typeof sizes)[]} */ (Object.keys(sizes)))) {
        const context = await browser.newContext({
          viewport: sizes[size],
          locale: language,
          colorScheme: scheme === 'dark' ? 'dark' : 'light',
          forcedColors: scheme === 'forced' ? 'active' : 'none',
          reducedMotion: 'reduce',
          deviceScaleFactor: size === 'desktop' ? 1 : 2,
        })
        const page = await context.newPage()
        const folder = path.join(values.out, language, `${size}-${scheme}`)
        mkdirSync(folder, { recursive: true })
        for (const state of wanted) {
          if (state in inEnglish && language !== 'en') continue
          await everyState[state]({ page, url, language, links, dataDir })
          await page.screenshot({ path: path.join(folder, `${state}.png`), fullPage: true })
          count += 1
        }
        await context.close()
      }
  await browser.close()
  return count
}

const wanted = choose(values.state, /** @type {(keyof typeof everyState)[]} */ (Object.keys(everyState)))
/** @type {{ env: Record<string, string>, states: (keyof typeof everyState)[] }[]} states that need a service with other settings */
const others = [
  { env: { LETTER_COOLDOWN: '60s' }, states: ['sent', 'sent-too-soon', 'sent-without-script'] },
  {
    env: { RESET_PASSWORD_VERIFICATION_PERIOD: '1s', LIMIT_LETTERS_PER_ACCOUNT: '100/1s' },
    states: ['expired'],
  },
]
const atOnce = wanted.filter((state) => !others.some(({ states }) => states.includes(state)))
let count = 0
if (values.url !== undefined) {
  const needsOwn = /^(used|expired|letter-.*|error|global-error)$/
  const unchanging = wanted.filter((state) => !needsOwn.test(state))
  const links = await prepare(values.url, 'demo', 'demo@example.com', [])
  count += await takePictures(values.url, links, '', unchanging)
} else {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'rekey-screenshots-'))
  const port = await freePort()
  let demo = await startDemo(dataDir, port)
  try {
    const [login, address] = ['grace', 'grace@example.com']
    // Without a locale, so that its emails use the language of the page.
    const { status, stderr } = spawnSync(
      process.execPath,
      ['scripts/run.js', 'accounts', 'add', login, address, '--first-name', 'Grace', '--password-stdin'],
      { input: 'never told to anybody', env: { ...process.env, DATABASE_URL: '', DATA_DIR: dataDir } },
    )
    if (status !== 0) throw new Error(String(stderr))
    const links = await prepare(demo.url, login, address, choose(values.lang, languages))
    count += await takePictures(demo.url, links, dataDir, atOnce)
    for (const { env, states } of others) {
      const some = wanted.filter((state) => states.includes(state))
      if (some.length === 0) continue
      await demo.stop()
      demo = await startDemo(dataDir, port, env)
      count += await takePictures(demo.url, links, dataDir, some)
    }
  } finally {
    await demo.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
console.log(`${count} pictures in ${values.out}/`)
