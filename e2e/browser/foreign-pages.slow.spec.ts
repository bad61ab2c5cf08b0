import { expect, heading, test } from '@/e2e/support/browser/journey'
import { linkTo } from '@/e2e/support/browser/links'
import { newPassword } from '@/e2e/support/running-app'

test('forms and scripts of another site cannot reset a password [H8]', async ({
  page,
  app,
  otherSite,
  complaints,
}) => {
  const person = await app.addPerson()
  const password = newPassword()
  const fields = { ...Object.fromEntries(new URL(await linkTo(app, person)).searchParams), password }
  const action = `${app.url}/api/v1/accounts/reset-password/`
  const inputs = Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
    .join('')
  const form = (more: string) =>
    `<form method="post" action="${action}" ${more}>${inputs}<button>Win</button></form>`
  const inFrame = (html: string) => html.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const statuses: number[] = []
  page.on('response', (response) => {
    if (response.url() === action) statuses.push(response.status())
  })

  for (const home of [otherSite.url, otherSite.foreignUrl]) {
    for (const html of [
      form(''),
      form('enctype="multipart/form-data"'),
      form('enctype="text/plain"'),
      `<iframe sandbox="allow-forms" srcdoc="${inFrame(form(''))}"></iframe>`,
    ]) {
      otherSite.html = html
      await page.goto(home)
      const answered = page.waitForResponse(action)
      const at = html.startsWith('<iframe') ? page.frameLocator('iframe') : page
      await at.getByRole('button', { name: 'Win' }).click()
      await answered
    }
    await page.goto(home)
    for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
      const outcome = await page.evaluate(
        async ([url, body, type]) => {
          const options = { method: 'POST', headers: { 'Content-Type': type! }, body: body! }
          return fetch(url!, options).then(
            ({ status }) => `answered ${status}`,
            () => 'refused by the browser',
          )
        },
        [action, JSON.stringify(fields), type],
      )
      expect(outcome).toBe('refused by the browser')
    }
  }
  otherSite.html = '<h1>Sign in</h1>'
  // The eight forms, and the calls of scripts that the browser sends without a preflight request.
  expect(statuses.length).toBeGreaterThanOrEqual(8)
  expect([...new Set(statuses)].filter((status) => status !== 403 && status !== 415)).toEqual([])
  expect(await app.passwordIs(person, password)).toBe(false)
  for (const complaint of complaints.splice(0)) expect(complaint).toMatch(/frame-ancestors/)
})

test('no other site can show our pages in a frame [H6]', async ({ page, app, otherSite, complaints }) => {
  otherSite.html = `<iframe src="${await linkTo(app, await app.addPerson())}"></iframe>`
  await page.goto(otherSite.foreignUrl)
  await expect.poll(() => complaints.length).toBeGreaterThan(0)
  otherSite.html = '<h1>Sign in</h1>'
  for (const complaint of complaints.splice(0)) expect(complaint).toMatch(/frame-ancestors/)
  await expect(page.frameLocator('iframe').getByRole('heading', { level: 1 })).toHaveCount(0)
  await expect(heading(page)).toHaveCount(0)
})
