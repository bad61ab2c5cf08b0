import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDevMailboxReader } from './dev-mailbox'
import { createMailer } from './mailer'

let dir: string
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'rekey-mailbox-'))))
afterAll(() => rm(dir, { recursive: true }))

const emailText = {
  subject: 'Passwort für Bücher – zurücksetzen',
  html: '<p>Grüße</p>',
  text: 'Grüße\nhttps://id.example.com/?a=1&b=2\n',
}

function storeEmail(to: string, id = randomUUID()) {
  const mailer = createMailer({
    mailboxDir: dir,
    from: 'Bücher <no-reply@example.com>',
    log: pino({ enabled: false }),
  })
  return mailer.send({ id, to, content: emailText }).then(() => id)
}

test('a mailbox whose folder does not exist is empty', async () => {
  const mailbox = createDevMailboxReader(join(dir, 'nowhere'))
  expect(await mailbox.list()).toEqual([])
  expect(await mailbox.open(randomUUID())).toBeNull()
})

test('a mailbox lists the stored emails, newest first, and opens each as it was written', async () => {
  const older = await storeEmail('jane@example.com')
  const newer = await storeEmail('ada@example.com')
  const hourAgo = new Date(Date.now() - 3_600_000)
  await utimes(join(dir, `${older}.eml`), hourAgo, hourAgo)
  const mailbox = createDevMailboxReader(dir)
  expect((await mailbox.list()).map(({ id }) => id)).toEqual([newer, older])

  const opened = await mailbox.open(older)
  expect(opened).toMatchObject({
    id: older,
    to: 'jane@example.com',
    subject: emailText.subject,
    html: emailText.html,
  })
  expect(opened?.from).toBe('"Bücher" <no-reply@example.com>')
  expect(opened?.text.trimEnd()).toBe(emailText.text.trimEnd())
  expect(opened?.headers).toContainEqual({ name: 'Auto-Submitted', value: 'auto-generated' })
  expect(opened?.source).toMatch(/^From: .*<no-reply@example\.com>\r$/m)
})

test('a mailbox shows header fields outside of ASCII as they were written', async () => {
  const id = await storeEmail('jürgen@example.com')
  const { headers } = (await createDevMailboxReader(dir).open(id))!
  expect(headers).toContainEqual({ name: 'To', value: 'jürgen@example.com' })
})

test('a mailbox lists the emails that were stored before a restart', async () => {
  const id = await storeEmail('jane@example.com')
  expect((await createDevMailboxReader(dir).list()).map((stored) => stored.id)).toContain(id)
})

test.each([
  '..',
  '../outside',
  '../../etc/passwd',
  'a/b',
  '/etc/passwd',
  '%2e%2e%2foutside',
  'a\u0000',
  '',
  'x'.repeat(65),
  'a.eml',
  '.hidden',
])('a mailbox opens no file for the id %j', async (id) => {
  await writeFile(join(dir, '..', 'outside.eml'), 'Subject: outside\r\n\r\n')
  expect(await createDevMailboxReader(dir).open(id)).toBeNull()
  await rm(join(dir, '..', 'outside.eml'))
})

test('a mailbox lists neither half-written emails nor other files nor dangling links', async () => {
  const before = (await createDevMailboxReader(dir).list()).length
  await writeFile(join(dir, `.${randomUUID()}.abc.part`), 'Subject: half')
  await writeFile(join(dir, 'notes.txt'), 'Subject: notes')
  await symlink(join(dir, 'gone'), join(dir, 'dangling.eml'))
  expect(await createDevMailboxReader(dir).list()).toHaveLength(before)
})
