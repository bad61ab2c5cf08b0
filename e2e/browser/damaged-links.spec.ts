import { expect, heading, storedByBrowser, test } from '@/e2e/support/browser/journey'
import { addressOf, linkTo } from '@/e2e/support/browser/links'
import { savePassword } from '@/e2e/support/browser/steps'
import { linkDamages } from '@/e2e/support/link-damages'
import { newPassword } from '@/e2e/support/running-app'

const pages = [
  { page: 'reset-password', purpose: 'reset' },
  { page: 'cancel-reset', purpose: 'cancel' },
] as const

for (const { page: path, purpose } of pages) {
  test(`/${path}/ repairs a damaged link before any script runs [U12]`, async ({ request, app }) => {
    const link = await linkTo(app, await app.addPerson(), { purpose })
    const fields = [...new URL(link).searchParams].map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}"/>`,
    )
    for (const { what, damage } of linkDamages.filter(({ only }) => only !== 'script')) {
      const html = await (await request.get(damage(link))).text()
      const form = /<form[^>]*method="post".*?<\/form>/s.exec(html)?.[0] ?? ''
      for (const field of fields) expect(form, what).toContain(field)
    }
  })

  test(`a browser opens /${path}/ with a damaged link and removes the link from the address bar [U12, H5]`, async ({
    page,
    app,
    says,
  }) => {
    const link = await linkTo(app, await app.addPerson(), { purpose })
    const signature = new URL(link).searchParams.get('signature')!
    const title = purpose === 'reset' ? says.reset.title : says.cancel.title
    const some = linkDamages.filter(
      ({ what, only }) => only === 'script' || /^(`&times` decoded to ×|a space|a bracket)$/.test(what),
    )
    expect(some).toHaveLength(6)
    for (const { what, damage } of some) {
      await page.goto(damage(link))
      await expect(heading(page), what).toHaveText(title)
      await expect(page, what).toHaveURL(`${app.url}/${path}/`)
      expect(await page.evaluate(() => history.state as unknown), what).toBeNull()
      expect(await storedByBrowser(page), what).not.toContain(signature)
    }
  })
}

for (const javaScriptEnabled of [true, false]) {
  test.describe(`a browser ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, () => {
    test.use({ javaScriptEnabled })

    test('a damaged reset link sets the password, and a damaged cancel link invalidates links [U12]', async ({
      page,
      app,
      says,
    }) => {
      const person = await app.addPerson()
      const damaged = (link: string) => `${link.replace('&timestamp', '×tamp')}).`
      const toCancel = await linkTo(app, person, { purpose: 'cancel' })
      await page.goto(damaged(toCancel))
      await page.getByRole('button', { name: says.cancel.submit }).click()
      await expect(heading(page)).toHaveText(says.cancel.done)

      await page.goto(damaged(await linkTo(app, person)))
      const password = newPassword()
      await savePassword(page, says, password)
      expect(await app.passwordIs(person, password)).toBe(true)
    })

    test('one click on the page of a damaged and expired link requests a new link [U12]', async ({
      page,
      app,
      says,
    }) => {
      const person = await app.addPerson()
      const expired = await linkTo(app, person, { age: 3700 })
      await page.goto(expired.replace('&timestamp', '×tamp'))
      await expect(heading(page)).toHaveText(says.dead.expired)
      await page.getByRole('button', { name: says.dead.renew }).click()
      await expect(heading(page)).toHaveText(says.sent.title)
      expect((await app.sink.next(person.email)).link).toBeDefined()
    })
  })
}

test('a browser reads the links of the HTML part exactly, and pages repair links that were decoded twice [M11, U12]', async ({
  page,
  app,
  says,
}) => {
  const person = await app.addPerson()
  await app.post('send-reset-password-link', { login: person.username })
  const { link, cancelLink, mail } = await app.sink.next(person.email)
  const html = mail.html as string
  const read = await page.evaluate((text) => {
    const email = new DOMParser().parseFromString(text, 'text/html')
    const links = [...email.querySelectorAll('a[href*="signature="]')]
    // As a program does that decodes the address as HTML once more.
    const decode = (address: string) => new DOMParser().parseFromString(address, 'text/html').body.textContent
    return links.map((one) => {
      const href = one.getAttribute('href')!
      return { href, text: one.textContent, twice: decode(href) }
    })
  }, html)
  expect(read.map(({ href }) => href)).toEqual([link, cancelLink, link])
  expect(read.at(-1)!.text).toBe(link)
  expect(html.replaceAll('&amp;', '')).not.toMatch(/&(?:timestamp|signature)/)

  for (const { href, twice } of read) {
    expect(twice).toBe(href.replace('&timestamp', '×tamp'))
    await page.goto(twice!)
    await expect(heading(page)).toHaveText(href === link ? says.reset.title : says.cancel.title)
  }
})

test('the page of a cut, forged, expired or used link names no account [T12, U4]', async ({
  page,
  request,
  app,
  says,
}) => {
  const person = await app.addPerson({ firstName: 'Persephone', lastName: 'Quill' })
  const other = await app.addPerson()
  const link = await linkTo(app, person)
  const names = [person.username, person.email, 'Persephone', 'Quill']
  const htmlOf = async (address: string) => (await request.get(address)).text()

  // The page of a valid link names the account, so the checks below can fail.
  expect(await htmlOf(link)).toContain(person.username)

  const parameters = Object.fromEntries(new URL(link).searchParams)
  const { user_id, timestamp, signature } = parameters as Record<
    'user_id' | 'timestamp' | 'signature',
    string
  >
  const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
  const damaged = [
    link.slice(0, -5),
    link.slice(0, link.indexOf('&signature')),
    addressOf(app, { user_id, timestamp, signature: flipped }),
    addressOf(app, { user_id, timestamp: String(Number(timestamp) + 1), signature }),
    addressOf(app, { user_id: other.id, timestamp, signature }),
    addressOf(app, { user_id: '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11', timestamp, signature }),
    `${link}&user_id=${other.id}`,
    `${link}&signature=x`,
  ]
  for (const address of damaged) {
    const html = await htmlOf(address)
    for (const name of [...names, other.username, other.email]) expect(html, address).not.toContain(name)
    await page.goto(address)
    await expect(heading(page), address).toHaveText(says.dead.damaged)
    await expect(page.getByRole('link', { name: says.dead.requestNew })).toBeVisible()
  }

  const expired = await linkTo(app, person, { age: 3700 })
  const expectNoNames = async (address: string, title: string) => {
    const html = await htmlOf(address)
    expect(html).toContain(title)
    for (const name of names) expect(html, title).not.toContain(name)
  }
  await expectNoNames(expired, says.dead.expired)
  await app.sql.query(`UPDATE "rekey"."users" SET "password" = 'changed elsewhere' WHERE "id" = $1`, [
    person.id,
  ])
  await expectNoNames(expired, says.dead.expired)
  await expectNoNames(link, says.dead.used)
})
