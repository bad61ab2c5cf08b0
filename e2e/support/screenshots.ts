import path from 'node:path'
import type { Page } from 'playwright/test'
import { languages, type Language } from '@/lib/i18n/locales'
import { heading } from '@/e2e/support/browser/journey'
import { messagesIn } from '@/e2e/support/browser/messages-by-language'
import { show, states } from '@/e2e/support/browser/states'
import { test as base } from '@/e2e/support/browser/proxied-app'
import { newPassword, startApp, type RunningApp } from './running-app'

const sizes = {
  320: { width: 320, height: 568 },
  390: { width: 390, height: 844 },
  desktop: { width: 1280, height: 800 },
}
const schemes = ['light', 'dark', 'forced'] as const
const emails = ['email-link', 'email-change'] as const
const lastResort = 'page-of-last-resort'
const mailbox = {
  mailbox: '/dev/mailbox/',
  'mailbox-found-nothing': '/dev/mailbox/?q=nobody',
  'mailbox-email': '/dev/mailbox/',
}

const nameOf = (state: { name: string }) => state.name.replace(/[^a-z]+/gi, '-').replace(/^-|-$/g, '')
const names = [...states.map(nameOf), ...emails, lastResort, ...Object.keys(mailbox)]

type Wanted = Record<'lang' | 'state' | 'size' | 'scheme' | 'out', string | undefined>
const wanted = JSON.parse(process.env.REKEY_SCREENSHOTS ?? '{}') as Wanted

function choose<Known extends string>(list: string | undefined, known: readonly Known[]): readonly Known[] {
  const chosen = list?.split(',') ?? known
  const odd = chosen.find((one) => !(known as readonly string[]).includes(one))
  if (odd !== undefined) throw new Error(`There is no "${odd}"; there are ${known.join(', ')}.`)
  return known.filter((one) => chosen.includes(one))
}

const chosen = choose(wanted.state, names)

const test = base.extend<object, { demo: RunningApp }>({
  demo: [
    async ({}, provide) => {
      const demo = await startApp({ command: 'demo', env: { SMTP_URL: '', WORKER: 'on' } })
      await provide(demo)
      await demo.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
})

for (const language of choose(wanted.lang, languages))
  for (const scheme of choose(wanted.scheme, schemes))
    for (const size of choose(wanted.size, Object.keys(sizes) as (keyof typeof sizes & string)[]))
      test.describe(`${language}, ${size}, ${scheme}`, () => {
        test.use({
          locale: language,
          viewport: sizes[size],
          colorScheme: scheme === 'dark' ? 'dark' : 'light',
          deviceScaleFactor: size === 'desktop' ? 1 : 2,
          contextOptions: {
            reducedMotion: 'reduce',
            forcedColors: scheme === 'forced' ? 'active' : 'none',
          },
        })
        const take = (page: Page, name: string) =>
          page.screenshot({
            path: path.join(wanted.out ?? 'screenshots', language, `${size}-${scheme}`, `${name}.png`),
            fullPage: true,
          })

        test('pages and emails', async ({ page, app, says, proxied, complaints }) => {
          for (const state of states.filter((state) => chosen.includes(nameOf(state)))) {
            await show(state, { page, app, says, proxied })
            await take(page, nameOf(state))
            if (state.breaks) complaints.length = 0
          }
          for (const email of emails.filter((name) => chosen.includes(name))) {
            // Otherwise, the content security policy of the page before would block the inline styles.
            await page.goto('about:blank')
            await page.setContent(await htmlOf(email, app, language))
            await take(page, email)
          }
          if (language === 'en' && chosen.includes(lastResort)) {
            await showLastResort(page)
            await take(page, lastResort)
            complaints.length = 0
          }
        })

        if (language === 'en' && chosen.some((name) => name in mailbox))
          test('the mailbox', async ({ page, demo }) => {
            await demo.post('send-reset-password-link', { login: (await demo.addPerson()).username })
            for (const [name, address] of Object.entries(mailbox)) {
              if (!chosen.includes(name)) continue
              await page.goto(`${demo.url}${address}`)
              if (name === 'mailbox-email') {
                await page.locator('main li a').first().click()
                await page.locator('iframe').waitFor()
                await page.waitForLoadState('networkidle')
              }
              await heading(page).waitFor()
              await take(page, name)
            }
          })
      })

/** Removes the messages of a page, so that the page and its error page fail. */
async function showLastResort(page: Page): Promise<void> {
  await page.route('**/forgot-password/', async (route) => {
    const response = await route.fetch()
    const body = (await response.text()).replaceAll('\\"messages\\":{', '\\"nothing\\":{')
    await route.fulfill({ response, body })
  })
  await page.goto('/forgot-password/')
  await heading(page)
    .filter({ hasText: messagesIn('en').crash.title })
    .waitFor()
}

async function htmlOf(email: (typeof emails)[number], app: RunningApp, locale: Language): Promise<string> {
  const person = await app.addPerson({ firstName: 'Grace', locale })
  const link = await app.linkFor(person)
  const [first] = app.sink.emails.filter(({ recipients }) => recipients.includes(person.email))
  if (email === 'email-link') return String(first!.mail.html)
  await app.post('reset-password', { ...link, password: newPassword() })
  return String((await app.sink.next(person.email)).mail.html)
}
