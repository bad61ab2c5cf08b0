import fc from 'fast-check'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { languages } from '@/lib/i18n/locales'
import { createMailer } from '@/lib/mail/mailer'
import { emails } from './templates'

const numRuns = isLong ? 100_000 : 400
if (isLong) vi.setConfig({ testTimeout: 1_800_000 })

const evil = 'eve@evil.example'
const breaking = fc.constantFrom(
  ...[
    '\r\n',
    '\n',
    '\r',
    '\u0085',
    '\u2028',
    '\u2029',
    '\0',
    '\v',
    '\f',
    '\x1b',
    '\r\n\r\n',
    '\r\n.\r\n',
    '\r\n ',
  ],
  ...[
    `Bcc: ${evil}`,
    `To: ${evil}`,
    `<${evil}>`,
    `,${evil}`,
    `;${evil}`,
    '=?utf-8?Q?=0D=0ABcc:_x?=',
    '"',
    '\\',
    '@',
    ':',
    '<',
  ],
)
const storedText = fc.oneof(
  fc
    .array(fc.oneof(breaking, fc.string({ unit: 'grapheme', maxLength: 8 })), { maxLength: 8 })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
)
const address = fc.oneof(
  fc.emailAddress(),
  fc.tuple(fc.emailAddress(), storedText).map(([one, more]) => one + more),
  fc.tuple(storedText, fc.domain()).map(([local, domain]) => `${local}@${domain}`),
  fc.tuple(storedText, fc.emailAddress()).map(([name, one]) => `${name} <${one}>`),
  storedText,
)

/** Parses a header as a receiver does. Only the recipient's address may be non-ASCII, with letters, marks and digits (RFC 6532). */
function fieldsOf(head: string): [name: string, value: string][] {
  expect(head.replaceAll('\r\n', '')).not.toMatch(/[^\x20-\x7e\t\p{L}\p{M}\p{N}]/u)
  expect(head.replace(/^To: .*$/m, '').replaceAll('\r\n', '')).not.toMatch(/[^\x20-\x7e\t]/)
  return head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => {
      const [, name, value] = /^([!-9;-~]+): ?(.*)$/.exec(line) ?? []
      if (name === undefined) throw new Error(`No header: ${JSON.stringify(line)}`)
      return [name, value!]
    })
}

const always = [
  'Auto-Submitted',
  'Content-Type',
  'Date',
  'From',
  'MIME-Version',
  'Message-ID',
  'Subject',
  'To',
]
const sorted = (names: string[]) => names.map((name) => name.toLowerCase()).sort()

test('no stored or configured text adds a header or a recipient to an email [C7, M2, M6]', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'rekey-headers-'))
  const log = pino({ level: 'silent' })
  let [sent, withReplyTo] = [0, 0]
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          to: address,
          subject: storedText.map((text) => `Reset ${text}`),
          from: address,
          replyTo: fc.option(fc.oneof(fc.emailAddress(), address), { nil: undefined }),
        }),
        storedText,
        async ({ to, subject, from, replyTo }, body) => {
          const mailboxDir = join(parent, 'mail')
          const emailText = { subject, text: body, html: body }
          // Settings that are not a single address are rejected at start; all others must be harmless.
          const accepted = ['no-reply@example.com', from].flatMap((sender) => {
            try {
              return [createMailer({ mailboxDir, from: sender, replyTo, log })]
            } catch {
              return []
            }
          })
          const mailer = accepted.at(-1) ?? createMailer({ mailboxDir, from: 'no-reply@example.com', log })
          const outcome = await mailer.send({ id: 'one', to, content: emailText })
          if (!outcome.ok) {
            expect(outcome).toMatchObject({ ok: false, final: true, reason: 'address-refused' })
            return
          }
          sent += 1
          const raw = await readFile(join(mailboxDir, 'one.eml'), 'utf8')
          const fields = fieldsOf(raw.slice(0, raw.indexOf('\r\n\r\n')))
          const value = new Map(fields.map(([name, one]) => [name.toLowerCase(), one]))
          const optional = value.has('reply-to') ? ['Reply-To'] : []
          withReplyTo += optional.length
          expect(sorted(fields.map(([name]) => name))).toEqual(sorted([...always, ...optional]))
          expect(value.get('to')).toMatch(/^[^\s,;:<>"()\\@]+@[^\s,;:<>"()\\@]+$/)
          expect(value.get('message-id')).toMatch(/^<one@[A-Za-z0-9.-]+>$/)
        },
      ),
      { numRuns },
    )
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
  // Enough examples were accepted for the property to mean something.
  expect(sent).toBeGreaterThan(numRuns / 10)
  expect(withReplyTo).toBeGreaterThan(numRuns / 100)
})

test('no name of an account puts a line break or an address into the subject [C7, M5]', async () => {
  await fc.assert(
    fc.asyncProperty(
      storedText,
      storedText,
      storedText,
      fc.constantFrom(...languages),
      async (firstName, username, client, locale) => {
        const facts = {
          locale,
          service: {
            appName: 'Acme',
            publicOrigin: 'https://id.example.com',
            publicUrl: 'https://id.example.com',
          },
        }
        const account = { firstName, username, name: firstName, label: username, email: 'jane@mail.example' }
        const link = 'https://id.example.com/reset-password/?signature=x'
        const written = await Promise.all([
          emails.reset({ ...facts, account, link, expiresAt: new Date(0), lifeMinutes: 60 }),
          emails.changed({ ...facts, account, changedAt: new Date(0), client }),
        ])
        for (const { subject, text, html } of written) {
          expect(subject).toMatch(/^[^\p{Cc}\u2028\u2029]+$/u)
          expect(subject).not.toContain('evil')
          expect(text + html).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/)
        }
      },
    ),
    // Each run renders two whole emails, a hundred times slower than their headers.
    { numRuns: numRuns / 20 },
  )
})
