import { randomBytes } from 'node:crypto'
import type { Page } from 'playwright/test'
import type { RunningApp } from '@/e2e/support/running-app'
import { alertOf, heading, passwordField } from './journey'
import { linkTo } from './links'
import { requestLink, sendPassword } from './steps'
import { requestsPerLogin, type FragileApp } from './strained-app'
import type { Words } from './messages'

export type Scene = { page: Page; app: RunningApp; says: Words; fragile: FragileApp }

/**
 * A way a page can look: its heading, and how to get there from nothing. `npm run screenshots` takes a picture of each.
 */
export type State = {
  name: string
  title: (says: Words) => string
  reach: (scene: Scene) => Promise<void>
  /** The browser has to complain of something that threw. */
  breaks?: true
  /** Something lies open over the page. */
  covers?: true
}

/** As long as an address gets, and new each time, so that no limit is met. */
function longLogin(): string {
  return `somebody-with-a-rather-long-name-${randomBytes(3).toString('hex')}@a-long-domain-name.example`
}

/** Everything that a visitor can come to see of a service that is well, on a line that is. */
export const usualStates: State[] = [
  {
    name: 'the form for asking',
    title: ({ ask }) => ask.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/')),
  },
  {
    name: 'the form for asking, sent empty',
    title: ({ ask }) => ask.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByRole('button', { name: says.ask.submit }).click()
      await page.getByText(says.ask.missing).waitFor()
    },
  },
  {
    name: 'the form for asking, come back with trouble',
    title: ({ ask }) => ask.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/?error=login.blank,throttled')),
  },
  {
    name: 'the email is on its way',
    title: ({ sent }) => sent.title,
    async reach({ page, says }) {
      await requestLink(page, says, longLogin())
      // By keyboard: a pause is on, and a click would wait for its end.
      await page.getByRole('button', { name: says.sent.again }).press('Enter')
      await page.getByRole('status').filter({ hasText: /./ }).waitFor()
    },
  },
  {
    name: 'the email is on its way, as a page of its own',
    title: ({ sent }) => sent.title,
    reach: async ({ page }) => void (await page.goto('/forgot-password/sent/')),
  },
  {
    name: 'the form for the password',
    title: ({ reset }) => reset.title,
    reach: async ({ page, app }) => void (await page.goto(await linkTo(app, await app.addPerson()))),
  },
  {
    name: 'the form for the password, while one is typed',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await passwordField(page, says).fill('correct hörse battery staple')
      await page.getByText(says.reset.typing).waitFor()
      await page.getByText(says.reset.strength.hard).waitFor()
    },
  },
  {
    name: 'the choice of a language',
    title: ({ ask }) => ask.title,
    covers: true,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByText(says.languages).click()
    },
  },
  {
    name: 'the form for the password, with errors and the password shown',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await sendPassword(page, says, '١٢٣٤٥')
      await page.getByText(says.reset.tooShort).waitFor()
      await page.getByRole('button', { name: says.reset.show }).click()
    },
  },
  {
    name: 'the form for the password, come back with trouble',
    title: ({ reset }) => reset.title,
    async reach({ page, app }) {
      const link = await linkTo(app, await app.addPerson())
      await page.goto(`${link}&error=password.too-long,password.too-common,unavailable`)
    },
  },
  {
    name: 'an expired link',
    title: ({ dead }) => dead.expired,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { age: 3700 }))),
  },
  {
    name: 'a used link',
    title: ({ dead }) => dead.used,
    async reach({ page, app }) {
      const person = await app.addPerson()
      const link = await linkTo(app, person)
      await app.sql.query(`UPDATE "rekey"."users" SET "password" = 'another' WHERE "id" = $1`, [person.id])
      await page.goto(link)
    },
  },
  {
    name: 'a damaged link',
    title: ({ dead }) => dead.damaged,
    reach: async ({ page }) => void (await page.goto('/reset-password/?user_id=1&timestamp=2')),
  },
  {
    name: 'no link at all',
    title: ({ dead }) => dead.missing,
    reach: async ({ page }) => void (await page.goto('/reset-password/')),
  },
  {
    name: 'the password is changed',
    title: ({ done }) => done.title,
    reach: async ({ page }) => void (await page.goto('/reset-password/done/')),
  },
  {
    name: '"this wasn\'t me"',
    title: ({ cancel }) => cancel.title,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { purpose: 'cancel' }))),
  },
  {
    name: 'the links are stopped',
    title: ({ cancel }) => cancel.done,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/done/')),
  },
  {
    name: 'a damaged "this wasn\'t me"',
    title: ({ cancel }) => cancel.damaged,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/?user_id=1&timestamp=2')),
  },
  {
    name: '"this wasn\'t me" without a link',
    title: ({ dead }) => dead.missing,
    reach: async ({ page }) => void (await page.goto('/cancel-reset/')),
  },
  {
    name: 'an address where nothing is',
    title: ({ notFound }) => notFound.title,
    reach: async ({ page }) => void (await page.goto('/there-is-nothing-here/')),
  },
]

/** The request is never answered, and forgotten when the page is left. */
async function hold(page: Page, endpoint: string): Promise<void> {
  await page.route(`**/api/v1/accounts/${endpoint}/**`, () => {}, { times: 1 })
}

/** Presses a button while there is no connection, and reads that there is none. */
async function pressOffline(page: Page, says: Words, button: string): Promise<void> {
  await page.context().setOffline(true)
  await page.getByRole('button', { name: button }).click()
  await alertOf(page).getByText(says.troubles.offline).waitFor()
  await page.context().setOffline(false)
}

/** What a visitor comes to see when something is slow, refuses or breaks. */
const troubledStates: State[] = [
  {
    name: 'the form for asking, on its way',
    title: ({ ask }) => ask.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await hold(page, 'send-reset-password-link')
      await page.getByLabel(says.ask.field).fill(longLogin())
      await page.getByRole('button', { name: says.ask.submit }).click()
      await page.getByRole('button', { name: says.ask.busy }).waitFor()
    },
  },
  {
    name: 'the form for the password, on its way',
    title: ({ reset }) => reset.title,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson()))
      await hold(page, 'reset-password')
      await sendPassword(page, says)
      await page.getByRole('button', { name: says.reset.busy }).waitFor()
    },
  },
  {
    name: 'the form for asking, without a connection',
    title: ({ ask }) => ask.title,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.getByLabel(says.ask.field).fill(longLogin())
      await pressOffline(page, says, says.ask.submit)
    },
  },
  {
    name: 'the form for asking, used too often',
    title: ({ ask }) => ask.title,
    async reach({ page, app, says }) {
      const login = longLogin()
      for (let ask = 0; ask < requestsPerLogin; ask += 1)
        await app.post('send-reset-password-link', { login })
      await page.goto('/forgot-password/')
      await page.getByLabel(says.ask.field).fill(login)
      await page.getByRole('button', { name: says.ask.submit }).click()
      await alertOf(page).getByText(says.troubles.throttledFor).waitFor()
    },
  },
  {
    name: 'an expired link, and no connection to ask for a new one',
    title: ({ dead }) => dead.expired,
    async reach({ page, app, says }) {
      await page.goto(await linkTo(app, await app.addPerson(), { age: 3700 }))
      await pressOffline(page, says, says.dead.renew)
    },
  },
  {
    name: 'the email is on its way, and no connection to ask again',
    title: ({ sent }) => sent.title,
    async reach({ page, says }) {
      await page.clock.install()
      await requestLink(page, says, longLogin())
      await page.clock.fastForward('01:01')
      await pressOffline(page, says, says.sent.again)
    },
  },
  {
    name: '"this wasn\'t me", come back with trouble',
    title: ({ cancel }) => cancel.title,
    async reach({ page, app, says }) {
      const link = await linkTo(app, await app.addPerson(), { purpose: 'cancel' })
      await page.goto(`${link}&error=throttled`)
      await alertOf(page).getByText(says.troubles.throttled).waitFor()
    },
  },
  {
    name: 'a used "this wasn\'t me"',
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
    name: 'an expired "this wasn\'t me"',
    title: ({ cancel }) => cancel.expired,
    reach: async ({ page, app }) =>
      void (await page.goto(await linkTo(app, await app.addPerson(), { purpose: 'cancel', age: 8 * 86400 }))),
  },
  {
    name: 'links that cannot be judged while the database is away',
    title: ({ dead }) => dead.away,
    async reach({ page, app, fragile, says }) {
      const person = await app.addPerson()
      const [link, cancel] = [await linkTo(app, person), await linkTo(app, person, { purpose: 'cancel' })]
      await fragile.proxy.cut()
      try {
        await page.goto(cancel)
        await heading(page).getByText(says.cancel.away).waitFor()
        await page.goto(link)
      } finally {
        await fragile.proxy.restore()
      }
    },
  },
  {
    name: 'a page that broke, as in a browser too old to count time',
    title: ({ crash }) => crash.title,
    breaks: true,
    async reach({ page, says }) {
      await page.goto('/forgot-password/')
      await page.evaluate(() => Reflect.deleteProperty(Intl, 'RelativeTimeFormat'))
      await page.getByLabel(says.ask.field).fill(longLogin())
      await page.getByRole('button', { name: says.ask.submit }).click()
    },
  },
]

/** Every way a page can look to a visitor, all to be had on the strained app. */
export const states = [...usualStates, ...troubledStates]

/** Reaches a state and waits until its page has come alive. */
export async function show(state: State, scene: Scene): Promise<void> {
  await state.reach(scene)
  await heading(scene.page)
    .filter({ hasText: state.title(scene.says) })
    .waitFor()
}
