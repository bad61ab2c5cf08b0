import { readFileSync } from 'node:fs'
import type { Page } from 'playwright/test'
import { delayRequests } from '@/e2e/support/browser/delayed-requests'
import { expect, heading, passwordField, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'

/** The most JavaScript and CSS of each page, compressed, as a multiple of what Next sends with every page. */
const budgets = {
  'requesting a link': 1.27,
  'the email is on its way': 1.13,
  'choosing a password': 1.28,
  'an expired link': 1.28,
  'the password is changed': 1.13,
  '"this wasn’t me"': 1.15,
}
type PageName = keyof typeof budgets

/** Bytes of the schema and the strength estimate, which load when typing begins. */
const lateBudget = 54_500

type Weight = { raw: number; sent: number }
type File = Weight & { path: string; type: string; encoding: string | undefined }

function weigh(page: Page): () => Promise<File[]> {
  const files: Promise<File>[] = []
  page.on('requestfinished', (request) => {
    const measure = async (): Promise<File> => {
      const response = await request.response()
      const [sizes, body] = [await request.sizes(), (await response?.body()) ?? Buffer.alloc(0)]
      return {
        path: new URL(request.url()).pathname,
        type: request.resourceType(),
        encoding: response?.headers()['content-encoding'],
        raw: body.length,
        sent: sizes.responseBodySize,
      }
    }
    if (['script', 'stylesheet', 'font', 'image'].includes(request.resourceType())) files.push(measure())
  })
  return () => Promise.all(files)
}

const sum = (files: File[]): Weight =>
  files.reduce(({ raw, sent }, file) => ({ raw: raw + file.raw, sent: sent + file.sent }), {
    raw: 0,
    sent: 0,
  })

function frameworkFiles(): string[] {
  const { rootMainFiles } = JSON.parse(readFileSync('.next/build-manifest.json', 'utf8')) as {
    rootMainFiles: string[]
  }
  return rootMainFiles.map((file) => `/_next/${file}`)
}

test('every page sends little more script and style than an empty page', async ({ browser, app }) => {
  test.slow()
  const person = await app.addPerson()
  const addresses: Record<PageName, string> = {
    'requesting a link': `${app.url}/forgot-password/`,
    'the email is on its way': `${app.url}/forgot-password/sent/`,
    'choosing a password': await linkTo(app, person),
    'an expired link': await linkTo(app, person, { age: 3700 }),
    'the password is changed': `${app.url}/reset-password/done/`,
    '"this wasn’t me"': await linkTo(app, person, { purpose: 'cancel' }),
  }
  const table: string[] = []
  const kilobytes = ({ raw, sent }: Weight) =>
    `${(sent / 1024).toFixed(1).padStart(6)} (${(raw / 1024).toFixed(0).padStart(3)})`
  for (const [name, address] of Object.entries(addresses)) {
    const context = await browser.newContext() // so that nothing is cached
    const page = await context.newPage()
    const files = weigh(page)
    await page.goto(address, { waitUntil: 'networkidle' })
    const all = await files()
    const framework = all.filter(({ path }) => frameworkFiles().includes(path))
    expect(framework, 'what Next loads on every page').toHaveLength(frameworkFiles().length)
    expect(all.filter(({ type, encoding }) => type !== 'image' && encoding !== 'gzip')).toEqual([])
    expect(
      all.filter(({ type }) => type === 'font'),
      'fonts are the system’s',
    ).toEqual([])

    const empty = sum(framework)
    const scripts = sum(all.filter(({ type }) => type === 'script'))
    const styles = sum(all.filter(({ type }) => type === 'stylesheet'))
    const ratio = (scripts.sent + styles.sent) / empty.sent
    table.push(
      `${name.padEnd(26)} JS ${kilobytes(scripts)}  CSS ${kilobytes(styles)}  empty ${kilobytes(empty)}  ratio ${ratio.toFixed(3)}`,
    )
    expect.soft(ratio, name).toBeLessThan(budgets[name as PageName])
    expect(ratio, 'a page has scripts or styles of its own').toBeGreaterThan(1)
    await context.close()
  }
  console.log(`KB sent (and before compression)\n${table.join('\n')}`)
})

test('the page of an unknown address has no scripts', async ({ page, app }) => {
  const files = weigh(page)
  await page.goto(`${app.url}/there-is-nothing-here/`, { waitUntil: 'networkidle' })
  const types = (await files()).map(({ type }) => type)
  expect(types).toContain('stylesheet')
  expect(types).not.toContain('script')
})

test('the estimate of a password’s strength loads when typing begins and not before [U12]', async ({
  page,
  app,
  says,
}) => {
  await page.goto(await linkTo(app, await app.addPerson()), { waitUntil: 'networkidle' })
  const files = weigh(page)
  await passwordField(page, says).fill('correct horse battery staple')
  await expect(page.getByText(says.reset.strength.hard)).toBeVisible()
  const loaded = await files()
  expect(loaded.map(({ path }) => path).filter((path) => !path.startsWith('/_next/static/chunks/'))).toEqual(
    [],
  )
  const { sent, raw } = sum(loaded)
  console.log(`loaded when typing begins: ${(sent / 1024).toFixed(1)} KB sent (${(raw / 1024).toFixed(0)})`)
  expect(sent).toBeGreaterThan(0)
  expect(sent).toBeLessThan(lateBudget)
})

for (const width of [320, 1280]) {
  test(`nothing on a page moves while it loads and while a password is typed, at ${width} px`, async ({
    page,
    app,
    says,
  }) => {
    await page.setViewportSize({ width, height: 720 })
    await page.addInitScript(() => {
      const shifts: string[] = []
      Object.assign(window, { shifts })
      type Shift = PerformanceEntry & {
        hadRecentInput: boolean
        sources: { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[]
      }
      const where = ({ x, y, width, height }: DOMRect) => `${x},${y} ${width}×${height}`
      new PerformanceObserver((list) => {
        for (const { hadRecentInput, sources } of list.getEntries() as Shift[])
          if (!hadRecentInput)
            shifts.push(
              sources
                .map(
                  ({ node, previousRect, currentRect }) =>
                    `${node?.nodeName} "${node?.textContent?.slice(0, 40)}": ${where(previousRect)} to ${where(currentRect)}`,
                )
                .join('; '),
            )
      }).observe({ type: 'layout-shift', buffered: true })
    })
    const shifts = () => page.evaluate(() => (window as unknown as { shifts: string[] }).shifts)

    const link = await linkTo(app, await app.addPerson())
    for (const path of ['/forgot-password/', '/forgot-password/sent/', '/reset-password/done/', link]) {
      await page.goto(path, { waitUntil: 'networkidle' })
      expect(await shifts(), path).toEqual([])
    }
    const field = passwordField(page, says)
    for (const [password, hint] of [
      ['passwordpassword', says.reset.strength.easy],
      ['correct horse battery staple', says.reset.strength.hard],
    ] as const) {
      await field.fill(password)
      await expect(page.getByText(hint)).toBeVisible()
    }
    expect(await shifts()).toEqual([])
    // The check can fail: the observer reports a shift that is made here.
    await heading(page).evaluate((element) => setTimeout(() => (element.style.paddingBottom = '200px'), 700))
    await expect.poll(shifts).not.toEqual([])
  })
}

test('the browser paints the whole form before any script has loaded', async ({ page, app, says }) => {
  const { release } = await delayRequests(page, '**/*.js')
  await page.goto(await linkTo(app, await app.addPerson()), { waitUntil: 'commit' })
  await expect(heading(page)).toHaveText(says.reset.title)
  await expect(passwordField(page, says)).toBeVisible()
  await expect(page.getByRole('button', { name: says.reset.submit })).toBeVisible()
  const painted = () => page.evaluate(() => performance.getEntriesByName('first-contentful-paint').length)
  await expect.poll(painted).toBe(1)
  // No script of a file has run yet: there is no button to show the password, and the address still has the link.
  await expect(page.getByRole('button', { name: says.reset.show })).toBeHidden()
  expect(page.url()).toContain('signature=')
  release()
  await expect(page.getByRole('button', { name: says.reset.show })).toBeVisible()
  await expect(page).toHaveURL(`${app.url}/reset-password/`)
})
