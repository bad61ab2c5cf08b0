import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalIp, clientIp, clientKey, clientNetwork, ipv6SiteKey } from './client-ip'

describe('the spelling of an IP address', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    [' 203.0.113.9 ', '203.0.113.9'],
    ['203.0.113.9:51244', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:cb00:7109', '203.0.113.9'],
    ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:0.0.0.0', '0.0.0.0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
  ])('the IP address %s has the canonical spelling %s [R6]', (written, canonical) => {
    expect(canonicalIp(written)).toBe(canonical)
  })

  test.each([
    '',
    'unknown',
    '_hidden',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4.5',
    '256.1.1.1',
    'example.com',
    '::g',
    '1:2:3',
    '0x7f000001',
  ])('the text "%s" is not an IP address [R6]', (written) => {
    expect(canonicalIp(written)).toBeUndefined()
  })

  test('the canonical spelling of a canonical IP address is itself [R6]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        const once = canonicalIp(address)
        expect(once).toBeDefined()
        expect(canonicalIp(once!)).toBe(once)
      }),
    )
  })
})

describe('the client of a request', () => {
  test('without trusted proxies, the client is the peer, whatever the headers say [R5]', () => {
    fc.assert(
      fc.property(fc.array(fc.ipV4(), { maxLength: 4 }), (forwarded) => {
        expect(clientIp('198.51.100.7', forwarded, 0)).toBe('198.51.100.7')
      }),
    )
  })

  test('behind one proxy, the client is the last entry, whatever the client wrote before it [R5]', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 4 }), (forwarded) => {
        expect(clientIp('10.0.0.1', [...forwarded, '203.0.113.9'], 1)).toBe('203.0.113.9')
      }),
    )
  })

  test('repeated forwarding headers count as one list in their order [R5]', () => {
    expect(clientIp('10.0.0.1', ['6.6.6.6', '7.7.7.7, 203.0.113.9'], 1)).toBe('203.0.113.9')
    expect(clientIp('10.0.0.1', ['203.0.113.9, 10.0.0.3', '10.0.0.2'], 3)).toBe('203.0.113.9')
  })

  test('all requests without a usable IP address are of one unknown client [R6]', () => {
    expect(clientIp(undefined, [], 0)).toBe('unknown')
    expect(clientIp('10.0.0.1', [], 1)).toBe('unknown')
    expect(clientIp('10.0.0.1', ['203.0.113.9'], 2)).toBe('unknown')
    expect(clientIp('10.0.0.1', ['203.0.113.9, unknown'], 1)).toBe('unknown')
    expect(clientIp('10.0.0.1', ['203.0.113.9,'], 1)).toBe('unknown')
  })

  test('a proxy on a Unix socket counts as a proxy [R5]', () => {
    expect(clientIp(undefined, ['203.0.113.9'], 1)).toBe('203.0.113.9')
  })
})

describe('the client that rate limits count', () => {
  test('a thousand IPv6 addresses of one /64 are one client [R6]', () => {
    const keys = Array.from({ length: 1000 }, (_, n) =>
      clientKey(`2001:db8:1:2:${n.toString(16)}::${(n * 7).toString(16)}`),
    )
    expect(new Set(keys)).toEqual(new Set(['2001:db8:1:2::/64']))
  })

  test('five spellings of one IPv6 address are one client [R6]', () => {
    const spellings = [
      '2001:db8::1',
      '2001:DB8::1',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '[2001:db8:0::1]:9',
      '2001:db8::1%eth0',
    ]
    expect(new Set(spellings.map(clientKey))).toEqual(new Set(['2001:db8::/64']))
  })

  test('another /64 is another client, and an IPv4 address in IPv6 is the IPv4 client [R6]', () => {
    expect(clientKey('2001:db8:0:1::1')).toBe('2001:db8:0:1::/64')
    expect(clientKey('1:2:3:4:5:6:7:8')).toBe('1:2:3:4::/64')
    expect(clientKey('::1')).toBe('::/64')
    expect(clientKey('::ffff:203.0.113.9')).toBe('203.0.113.9')
    expect(clientKey('203.0.113.10')).toBe('203.0.113.10')
  })

  test.each<[string, string, string | undefined]>([
    ['203.0.113.9', '203.0.113.9', undefined],
    ['::ffff:203.0.113.9', '203.0.113.9', undefined],
    ['::FFFF:cb00:7109', '203.0.113.9', undefined],
    ['64:ff9b::203.0.113.9', '203.0.113.9', undefined],
    ['64:FF9B::CB00:7109', '203.0.113.9', undefined],
    ['[64:ff9b::cb00:7109]:443', '203.0.113.9', undefined],
    ['64:ff9b::cb00:7109%eth0', '203.0.113.9', undefined],
    ['64:ff9b::203.0.113.10', '203.0.113.10', undefined],
    ['64:ff9b::', '0.0.0.0', undefined],
    ['::ffff:0:203.0.113.9', '203.0.113.9', undefined], // SIIT
    ['2002:cb00:7109::1', '203.0.113.9', undefined], // 6to4
    ['2002:cb00:7109:ffff:a:b:c:d', '203.0.113.9', undefined],
    ['2001:0:4136:e378:8000:63bf:34ff:8ef6', '203.0.113.9', undefined], // Teredo
    ['2001:0:1:2:0:1:34ff:8ef6', '203.0.113.9', undefined],
    // A local NAT64 prefix of any length: each address is one client.
    ['64:ff9b:1::cb00:7109', '64:ff9b:1::cb00:7109', undefined],
    ['64:ff9b:1:fffe::203.0.113.9', '64:ff9b:1:fffe::cb00:7109', undefined],
    ['64:ff9b:1:cb00:71:900::', '64:ff9b:1:cb00:71:900::', undefined],
    // Without an IPv4 address: prefixes beside those, and formats whose last 64 bits the client chooses.
    ['64:ff9b:2::cb00:7109', '64:ff9b:2::/64', '64:ff9b:2::/48'],
    ['64:ff9b:0:0:0:1:cb00:7109', '64:ff9b::/64', '64:ff9b::/48'],
    ['64:ff9c::cb00:7109', '64:ff9c::/64', '64:ff9c::/48'],
    ['64:ff9b:10::1', '64:ff9b:10::/64', '64:ff9b:10::/48'],
    ['2003:cb00:7109::1', '2003:cb00:7109::/64', '2003:cb00:7109::/48'],
    ['2001:1:4136:e378:8000:63bf:34ff:8ef6', '2001:1:4136:e378::/64', '2001:1:4136::/48'],
    ['2001:db8:1:2:0:5efe:203.0.113.9', '2001:db8:1:2::/64', '2001:db8:1::/48'], // ISATAP
    ['2001:db8:1:2:200:5efe:203.0.113.9', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8:1:2::ffff:cb00:7109', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['::203.0.113.9', '::/64', '::/48'],
    ['::1', '::/64', '::/48'],
    ['2001:db8:1:fffe::1', '2001:db8:1:fffe::/64', '2001:db8:1::/48'],
    ['unknown', 'unknown', undefined],
  ])('the address %s is counted as the client %s in the /48 %s [R13]', (address, client, site) => {
    expect([clientKey(address), ipv6SiteKey(address)]).toEqual([client, site])
  })

  test('interface ids that look like IPv4 addresses do not split a /64 into several clients [R13]', () => {
    const ids = ['0:5efe', '200:5efe', '0:ffff', 'ffff:0', '64:ff9b', '2002:0']
    const keys = ids.flatMap((id) =>
      Array.from({ length: 50 }, (_, n) => clientKey(`2001:db8:1:2:${id}:203.0.113.${n}`)),
    )
    expect(new Set(keys)).toEqual(new Set(['2001:db8:1:2::/64']))
  })

  test('the network of a translated IPv4 address is that of the IPv4 address [R13]', () => {
    for (const address of ['203.0.113.9', '64:ff9b::203.0.113.9', '2002:cb00:7109::1'])
      expect(clientNetwork(address)).toBe('203.0.113.0/24')
    expect(clientNetwork('2001:db8:1:2::3')).toBe('2001:db8:1::/48')
  })

  test('clients without a valid IP address are counted together [R6]', () => {
    expect(clientKey('unknown')).toBe('unknown')
    expect(clientKey('')).toBe('unknown')
    expect(clientKey('/run/rekey.sock')).toBe('unknown')
  })
})
