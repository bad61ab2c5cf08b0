import { expect, heading, test } from './browser/journey'
import { addressOf, linkTo } from './browser/links'
import { savePassword } from './browser/steps'
import { newPassword } from './world/running-app'

test('what mail programs do to a link is undone', async ({ page, app, says }) => {
  const person = await app.addPerson()
  const link = await linkTo(app, person)
  const middle = link.length - 20
  const inside = (text: string) => link.slice(0, middle) + text + link.slice(middle)
  const damaged: Record<string, string> = {
    'a line break inside': inside('%0D%0A'),
    'a broken line that was indented': inside('%0A%20%20'),
    'an invisible place to break': inside('%E2%80%8B'),
    'the full stop of the sentence': `${link}.`,
    'the bracket around it': `${link}%3E`,
    'the bracket and a full stop': `${link}).`,
    'ampersands spelt as in HTML': link.replaceAll('&', '&amp;'),
  }
  for (const [what, address] of Object.entries(damaged)) {
    await page.goto(address)
    await expect(heading(page), what).toHaveText(says.reset.title)
    await expect(page, what).toHaveURL(`${app.url}/reset-password/`)
  }
  // The last of them is as good as new.
  const password = newPassword()
  await savePassword(page, says, password)
  expect(await app.passwordIs(person, password)).toBe(true)
})

test('T12, U4: a link that is not whole, not ours or not alive names nobody', async ({
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

  // The page that may name the account does, so that its absence below means something.
  const alive = await htmlOf(link)
  expect(alive).toContain(person.username)

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
    await expect(page.getByRole('link', { name: says.dead.ask })).toBeVisible()
  }

  const expired = await linkTo(app, person, { age: 3700 })
  const expectNobody = async (address: string, title: string) => {
    const html = await htmlOf(address)
    expect(html).toContain(title)
    for (const name of names) expect(html, title).not.toContain(name)
  }
  // Also while nothing but its age is against it.
  await expectNobody(expired, says.dead.expired)
  await app.sql.query(`UPDATE "rekey"."users" SET "password" = 'changed elsewhere' WHERE "id" = $1`, [
    person.id,
  ])
  await expectNobody(expired, says.dead.expired)
  await expectNobody(link, says.dead.used)
})
