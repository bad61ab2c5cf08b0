import { Resolver } from 'node:dns/promises'
import { afterEach, expect, test } from 'vitest'
import { startDnsServer } from '@/e2e/support/dns-server'
import { checkSender } from './check-sender'

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

async function dnsWith(records: Record<string, string[]>, code = 0): Promise<Resolver> {
  const { address, close } = await startDnsServer(records, code)
  closing.push(close)
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([address])
  return resolver
}

const from = 'Example <no-reply@mail.example.com>'
const statuses = async (records: Record<string, string[]>, code?: number) =>
  Object.fromEntries(
    (await checkSender(from, await dnsWith(records, code))).map(({ check, status }) => [check, status]),
  )
const good = {
  'mail.example.com': ['some=verification', 'v=spf1 include:_spf.example.net -all'],
  's1._domainkey.mail.example.com': ['v=DKIM1; p=MII'],
  '_dmarc.example.com': ['v=DMARC1; p=reject'],
}

test('a sender is ok whose domain has SPF and a DKIM key, and whose parent domain has a DMARC policy', async () => {
  expect(await statuses(good)).toEqual({ 'sender.spf': 'ok', 'sender.dkim': 'ok', 'sender.dmarc': 'ok' })
})

test.each([
  ['no SPF record', ['some=verification']],
  ['two SPF records', ['v=spf1 -all', 'v=spf1 a -all']],
  ['an SPF record with +all', ['v=spf1 +all']],
  ['an SPF record with all', ['v=spf1 all']],
  ['a record of an unknown SPF version', ['v=spf10 -all']],
])('a sender whose domain has %s is a trouble', async (_, spf) => {
  expect(await statuses({ ...good, 'mail.example.com': spf })).toMatchObject({ 'sender.spf': 'trouble' })
})

test('a sender without DKIM and DMARC is a warning', async () => {
  expect(await statuses({ 'mail.example.com': good['mail.example.com'] })).toEqual({
    'sender.spf': 'ok',
    'sender.dkim': 'warning',
    'sender.dmarc': 'warning',
  })
})

test('a DNS resolver that fails or does not respond is a warning and no trouble of the sender', async () => {
  const all = { 'sender.spf': 'warning', 'sender.dkim': 'warning', 'sender.dmarc': 'warning' }
  for (const code of [2, 5]) expect(await statuses(good, code)).toEqual(all)
  const silent = new Resolver({ timeout: 200, tries: 1 })
  silent.setServers(['127.0.0.1:9'])
  for (const { status, message } of await checkSender(from, silent)) {
    expect(status).toBe('warning')
    expect(message).toContain('could not be asked')
  }
})
