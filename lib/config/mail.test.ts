import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readMailSettings } from '@/e2e/support/mail-settings'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { defaultHeloName, mailWarnings } from './mail'

const folder = mkdtempSync(join(tmpdir(), 'rekey-mail-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('the name in EHLO [V6]', () => {
  test.each([
    ['https://id.example.com', 'box', 'id.example.com'],
    ['https://id.example.com:8443', 'box', 'id.example.com'],
    ['https://ID.Bücher.example', 'box', 'id.xn--bcher-kva.example'],
    ['https://id.example.com.', 'box', 'id.example.com'],
    ['https://intranet', 'box.corp.example', 'box.corp.example'],
    ['https://intranet', 'BOX.Corp.Example', 'box.corp.example'],
    ['https://my_host.example.com', 'box.corp.example', 'box.corp.example'],
    ['http://localhost:3000', 'box.corp.example', 'box.corp.example'],
    ['http://demo.localhost:3000', 'box', '[127.0.0.1]'],
    ['https://192.0.2.7', 'box.corp.example', 'box.corp.example'],
    ['https://192.0.2.7', 'box', '[192.0.2.7]'],
    ['https://[2001:db8::7]', 'box', '[IPv6:2001:db8::7]'],
    ['http://[::1]:3000', 'box', '[127.0.0.1]'],
    ['http://localhost:3000', 'localhost.localdomain\r\nMAIL', '[127.0.0.1]'],
    ['http://localhost:3000', '', '[127.0.0.1]'],
  ])('with PUBLIC_URL=%s on the machine %j, EHLO has the name %s', (publicUrl, machine, name) => {
    expect(defaultHeloName(publicUrl, machine)).toBe(name)
  })

  test.each([
    'id.example.com',
    'ID.Example.com',
    'localhost',
    'xn--bcher-kva.example',
    '[192.0.2.1]',
    '[IPv6:2001:db8::1]',
  ])('SMTP_HELO_NAME may be %s', (name) => {
    expect(readMailSettings({ SMTP_HELO_NAME: name }).heloName).toBe(name)
  })

  test.each([
    'id.example.com\r\nMAIL FROM:<eve@evil.example>',
    'id.example.com MAIL',
    'id.example.com\n',
    'bücher.example',
    'my_host.example.com',
    '-id.example.com',
    'id..example.com',
    'id.example.com.',
    '192.0.2.1',
    '[192.0.2.256]',
    '[2001:db8::1]',
    '[IPv6:192.0.2.1]',
    '[IPv6:fe80::1%eth0]',
    '[]',
    'https://id.example.com',
    'a.'.repeat(127) + 'com',
  ])('SMTP_HELO_NAME may not be %j', (name) => {
    expect(() => readMailSettings({ SMTP_HELO_NAME: name })).toThrow('SMTP_HELO_NAME: ')
  })
})

describe('the certificate authorities of the mail server [V5]', () => {
  const [one, two] = ['a.example', 'b.example'].map((host) => makeSelfSignedCertificate(host))

  test('SMTP_CA_FILE gives every certificate of the file and no key', () => {
    const path = fileWith(
      'bundle.pem',
      `# ours\r\n${one!.cert.replaceAll('\n', '\r\n')}${one!.key}${two!.cert}`,
    )
    const { authorities } = readMailSettings({ SMTP_CA_FILE: path })
    expect(authorities?.map((pem) => pem.replaceAll('\r', ''))).toEqual([one!.cert, two!.cert])
    expect(JSON.stringify(authorities)).not.toContain('PRIVATE')
    expect(readMailSettings({ SMTP_CA_FILE: '' }).authorities).toBeUndefined()
  })

  test('SMTP_CA_FILE without a readable certificate is refused by name, without a part of the file in the message', () => {
    mkdirSync(join(folder, 'directory'))
    const broken = one!.cert.replace(/^M.{40}/m, `M${'A'.repeat(40)}`)
    for (const [path, why] of [
      [join(folder, 'absent.pem'), 'cannot be read (ENOENT)'],
      [join(folder, 'directory'), 'cannot be read (EISDIR)'],
      [fileWith('empty.pem', ''), 'contains no certificate'],
      [fileWith('key.pem', one!.key), 'contains no certificate'],
      [
        fileWith('der.crt', Buffer.from(one!.cert.split('\n')[1]!, 'base64').toString('latin1')),
        'contains no',
      ],
      [fileWith('broken.pem', one!.cert + broken), 'cannot be read; it must be PEM'],
    ] as const) {
      const read = () => readMailSettings({ SMTP_CA_FILE: path })
      expect(read).toThrow('SMTP_CA_FILE: the file ')
      expect(read).toThrow(why)
      expect(read).not.toThrow(/PRIVATE|BEGIN EC|MII/)
    }
  })
})

describe('warnings about mail settings [V6]', () => {
  const named = { heloName: 'id.example.com' }
  const noEnvFile = join(folder, 'no.env')

  test.each([
    ['smtp://mail.example.com:465', 'smtps://'],
    ['smtps://mail.example.com:587', 'smtp://'],
    ['smtps://mail.example.com:25', 'smtp://'],
  ])('a warning says that the port of %s is for %s', (smtpUrl, advice) => {
    const warnings = mailWarnings({ smtpUrl, ...named }, noEnvFile)
    expect(warnings).toEqual([expect.stringMatching(`which is ${advice}.$`)])
  })

  test.each(['smtp://mail.example.com', 'smtp://mail.example.com:25', 'smtps://mail.example.com', undefined])(
    'no warning is given for SMTP_URL=%s',
    (smtpUrl) => expect(mailWarnings({ smtpUrl, ...named }, noEnvFile)).toEqual([]),
  )

  test('a warning says that a machine has no full name, unless the mail server is on the same machine', () => {
    const warnings = (smtpUrl: string) => mailWarnings({ smtpUrl, heloName: '[127.0.0.1]' }, noEnvFile)
    expect(warnings('smtp://mail.example.com')).toEqual([
      expect.stringContaining('SMTP_HELO_NAME is not set'),
    ])
    expect(warnings('smtp://localhost:2525?ignoreTLS=true')).toEqual([])
  })

  test.each([
    ['NODE_EXTRA_CA_CERTS=/etc/ca.pem\n', 1],
    ['\uFEFFA=b\nexport NODE_EXTRA_CA_CERTS = "/etc/ca.pem"\n', 1],
    ['# NODE_EXTRA_CA_CERTS=/etc/ca.pem\n', 0],
    ['NODE_EXTRA_CA_CERTS=\nA=b\n', 0],
    ['A=NODE_EXTRA_CA_CERTS=x\n', 0],
  ])('for %j in .env, there are %i warnings that Node does not read it from there [V5]', (content, count) => {
    const warnings = mailWarnings(named, fileWith('dot.env', content))
    expect(warnings).toHaveLength(count)
    for (const warning of warnings) expect(warning).toMatch(/NODE_EXTRA_CA_CERTS.*SMTP_CA_FILE/)
  })
})
