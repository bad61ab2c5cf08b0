import { randomBytes, randomInt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { find } from '@/e2e/support/canaries'

// The search for secrets that canary.test.ts relies on.

const samples = {
  'a passphrase': `Käfig "${randomBytes(12).toString('hex')}" & <läuft> + 100% \\ ~`,
  'a password of digits': Array.from({ length: 24 }, () => randomInt(10)).join(''),
  'a key': randomBytes(32).toString('base64url'),
  'a password of a mail server': `p/${randomBytes(12).toString('hex')}%@`,
  'a signature': randomBytes(64).toString('base64url'),
}

describe('the search for secrets', () => {
  test.each<[string, (secret: string) => string]>([
    ['as it is', (secret) => secret],
    ['in a URL', encodeURIComponent],
    ['in a form', (secret) => new URLSearchParams({ secret }).toString()],
    ['in JSON', JSON.stringify],
    ['in JSON within JSON', (secret) => JSON.stringify(JSON.stringify(secret))],
    ['in capitals', (secret) => secret.toUpperCase()],
    ['in base64', (secret) => Buffer.from(secret).toString('base64')],
    ['in base64 of a longer text', (secret) => Buffer.from(`\0user\0${secret}!`).toString('base64')],
    ['in base64 at another offset', (secret) => Buffer.from(`\0users\0${secret}!`).toString('base64')],
    ['in base64url', (secret) => Buffer.from(secret).toString('base64url')],
    ['in base64 over lines', (secret) => Buffer.from(secret).toString('base64').replace(/.{20}/g, '$&\r\n')],
    ['in hexadecimal', (secret) => Buffer.from(secret).toString('hex')],
    ['with every byte escaped', (secret) => Buffer.from(secret).toString('hex').replace(/../g, '%$&')],
    ['quoted-printable over lines', (secret) => secret.replace(/.{7}/gu, '$&=\r\n')],
    ['without its last quarter', (secret) => secret.slice(0, Math.ceil(secret.length * 0.75))],
  ])('the search finds every secret %s, and names it [L3]', (_how, write) => {
    for (const [name, value] of Object.entries(samples)) {
      const found = find(samples, [{ where: 'here', text: `level=info ${write(value)} and so on` }])
      expect(found.map(({ secret }) => secret)).toEqual([name])
    }
  })

  test('the search finds no secret in random text [L3]', () => {
    const text = [randomBytes(4096).toString('base64'), randomBytes(4096).toString('hex')].join('\n')
    expect(find(samples, [{ where: 'noise', text }])).toEqual([])
  })
})
