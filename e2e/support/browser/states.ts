import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright/test'
import type { RunningApp } from '@/e2e/support/running-app'
import { alertOf, heading, passwordField } from './journey'
import { linkTo } from './links'
import { requestLink, sendPassword } from './steps'
import { requestsPerLogin, type ProxiedApp } from './proxied-app'
import type { Messages } from './messages'

export type Scene = { page: Page; app: RunningApp; says: Messages; proxied: ProxiedApp }

/** A state of a page: its heading, and the steps that lead to it. */
export type State = {
  /** A noun phrase: titles of tests contain it. */
  name: string
  title: (says: Messages) => string
  reach: (scene: Scene) => Promise<void>
  /** The page throws an error, which the browser reports. */
  breaks?: true
  /** A menu covers a part of the page. */
  covers?: true
}

/** New each time, so that it reaches no limit. */
function longLogin(): string {
  return `somebody-with-a-rather-long-name-${randomBytes(3).toString('hex')}@a-long-domain-name.example`
}

/** The states that a visitor can see while service and connection work. */
export const usualStates: State[] = [
  {
    name: 'the request form',
    title: ({ request }) => request.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/')),
  },
  {
    name: 'the request form after it was sent empty',
    title: ({ request }) => request.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByRole('button', { name: says.request.submit }).click()
      await page.getByText(says.request.missing).waitFor()
    },
  },
  {
    name: 'the request form with errors in its address',
    title: ({ request }) => request.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/?error=login.blank,throttled')),
  },
  {
    name: 'the page "check your email"',
    title: ({ sent }) => sent.title,
    async reach({ page, says }) {
      await requestLink(page, says, longLogin())
      // By keyboard, because Playwright's click would wait for the end of the cool-down.
      await page.getByRole('button', { name: says.sent.again }).press('Enter')
      await page.getByRole('status').filter({ hasText: /./ }).waitFor()
    },
  },
  {
    name: 'the page "check your email", opened by its address',
    title: ({ sent }) => sent.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/sent/')),
  },
  {
    name: 'the password form',
    title: ({ reset }) => reset.title,
    reach: async ({ page, app }) => void (await page.goto(await linkTo(app, await app.addPerson()))),
  },
  {
    name: 'the password form while a password is typed',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await passwordField(page, says).fill('correct hörse battery staple')
      await page.getByText(says.reset.typing).waitFor()
      await page.getByText(says.reset.strength.hard).waitFor()
    },
  },
  {
    name: 'the list of languages',
    title: ({ request }) => request.title,
    covers: true,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByText(says.languages).click()
    },
  },
  {
    name: 'the password form with errors and a visible password',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await sendPassword(page, says, '١٢٣٤٥')
      await page.getByText(says.reset.tooShort).waitFor()
      await page.getByRole('button', { name: says.reset.show }).click()
    },
  },
  {
    name: 'the password form with errors in its address',
    title: ({ reset }) => reset.title,
    async reach({ page, app }) {
      const link = await linkTo(app, await app.addPerson())
      await page.goto(`${link}&error=password.too-long,password.too-common,unavailable`)
    },
  },
  {
    name: 'the page of an expired link',
    title: ({ dead }) => dead.expired,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { age: 3700 }))),
  },
  {
    name: 'the page of a used link',
    title: ({ dead }) => dead.used,
    async reach({ page, app }) {
      const person = await app.addPerson()
      const link = await linkTo(app, person)
      await app.sql.query(`UPDATE "rekey"."users" SET "password" = 'another' WHERE "id" = $1`, [person.id])
      await page.goto(link)
    },
  },
  {
    name: 'the page of a damaged link',
    title: ({ dead }) => dead.damaged,
    reach: async ({ page }) => void (await page.goto('/reset-password/?user_id=1&timestamp=2')),
  },
  {
    name: 'the password page without a link',
    title: ({ dead }) => dead.missing,
    reach: async ({ page }) => void (await page.goto('/reset-password/')),
  },
  {
    name: 'the page after a changed password',
    title: ({ done }) => done.title,
    reach: async ({ page }) => void (await page.goto('/reset-password/done/')),
  },
  {
    name: 'the page "this wasn\'t me"',
    title: ({ cancel }) => cancel.title,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { purpose: 'cancel' }))),
  },
  {
    name: 'the page after "this wasn\'t me"',
    title: ({ cancel }) => cancel.done,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/done/')),
  },
  {
    name: 'the page "this wasn\'t me" with a damaged link',
    title: ({ cancel }) => cancel.damaged,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/?user_id=1&timestamp=2')),
  },
  {
    name: 'the page "this wasn\'t me" without a link',
    title: ({ dead }) => dead.missing,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/')),
  },
  {
    name: 'the page of an unknown address',
    title: ({ notFound }) => notFound.title,
    reach: async ({ page }) => void (await page.goto('/there-is-nothing-here/')),
  },
]

async function blockNextRequest(page: Page, endpoint: string): Promise<void> {
  await page.route(`**/api/v1/accounts/${endpoint}/**`, () => {}, { times: 1 })
}

async function pressOffline(page: Page, says: Messages, button: string): Promise<void> {
  await page.context().setOffline(true)
  await page.getByRole('button', { name: button }).click()
  await alertOf(page).getByText(says.troubles.offline).waitFor()
  await page.context().setOffline(false)
}

/** The states that a visitor can see when something is slow, rejected or broken. */
const troubledStates: State[] = [
  {
    name: 'the request form while it is sent',
    title: ({ request }) => request.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await blockNextRequest(page, 'send-reset-password-link')
      await page.getByLabel(says.request.field).fill(longLogin())
      await page.getByRole('button', { name: says.request.submit }).click()
      await page.getByRole('button', { name: says.request.busy }).waitFor()
    },
  },
  {
    name: 'the password form while it is sent',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await blockNextRequest(page, 'reset-password')
      await sendPassword(page, says)
      await page.getByRole('button', { name: says.reset.busy }).waitFor()
    },
  },
  {
    name: 'the request form without a connection',
    title: ({ request }) => request.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByLabel(says.request.field).fill(longLogin())
      await pressOffline(page, says, says.request.submit)
    },
  },
  {
    name: 'the request form after too many requests',
    title: ({ request }) => request.title,
    async reach({ page, app, says }) {
      const login = longLogin()
      for (let nth = 0; nth < requestsPerLogin; nth += 1)
        await app.post('send-reset-password-link', { login })
      await page.goto('/forgot-password/')
      await page.getByLabel(says.request.field).fill(login)
      await page.getByRole('button', { name: says.request.submit }).click()
      await alertOf(page).getByText(says.troubles.throttledFor).waitFor()
    },
  },
  {
    name: 'the page of an expired link without a connection',
    title: ({ dead }) => dead.expired,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson(), { age: 3700 }))
      await pressOffline(page, says, says.dead.renew)
    },
  },
  {
    name: 'the page "check your email" without a connection',
    title: ({ sent }) => sent.title,
    async reach({ page, says }) {
      await page.clock.install()
      await requestLink(page, says, longLogin())
      await page.clock.fastForward('01:01')
      await pressOffline(page, says, says.sent.again)
    },
  },
  {
    name: 'the page "this wasn\'t me" with an error in its address',
    title: ({ cancel }) => cancel.title,
    async reach({ page, app, says }) {
      const link = await linkTo(app, await app.addPerson(), { purpose: 'cancel' })
      await page.goto(`${link}&error=throttled`)
      await alertOf(page).getByText(says.troubles.throttled).waitFor()
    },
  },
  {
    name: 'the page "this wasn\'t me" with a used link',
    title: ({ cancel }) => cancel.used,
    async reach({ page, app }) {
      const person = await app.addPerson()
      const link = await linkTo(app, person, { purpose: 'cancel' })
      await app.sql.query(`INSERT INTO "rekey"."recovery" ("account_id", "links_epoch") VALUES ($1, 1)`, [
        person.id,
      ])
      await page.goto(link)
    },
  },
  {
    name: 'the page "this wasn\'t me" with an expired link',
    title: ({ cancel }) => cancel.expired,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { purpose: 'cancel', age: 8 * 86400 }))),
  },
  {
    name: 'the page of a link while the database is down',
    title: ({ dead }) => dead.away,
    async reach({ page, app, proxied, says }) {
      const person = await app.addPerson()
      const [link, cancel] = [await linkTo(app, person), await linkTo(app, person, { purpose: 'cancel' })]
      await proxied.proxy.cut()
      try {
        await page.goto(cancel)
        await heading(page).getByText(says.cancel.away).waitFor()
        await page.goto(link)
      } finally {
        await proxied.proxy.restore()
      }
    },
  },
  {
    name: 'the error page',
    title: ({ crash }) => crash.title,
    breaks: true,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      // As in a browser without this function, which the next page needs.
      await page.evaluate(() => Reflect.deleteProperty(Intl, 'RelativeTimeFormat'))
      await page.getByLabel(says.request.field).fill(longLogin())
      await page.getByRole('button', { name: says.request.submit }).click()
    },
  },
]

/** All states, each of which the app of `proxied-app.ts` can show. */
export const states = [...usualStates, ...troubledStates]

export async function show(state: State, scene: Scene): Promise<void> {
  await state.reach(scene)
  await heading(scene.page)
    .filter({ hasText: state.title(scene.says) })
    .waitFor()
}
