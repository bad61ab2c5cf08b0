import type { Resolver } from 'node:dns/promises'
import { parseAddressWithOptionalName } from '@/lib/addresses/email-address'
import { ok, trouble, warning, type Finding } from './finding'

type Dns = Pick<Resolver, 'resolveTxt'>

/** `no name`: neither the name nor a name below it exists (RFC 8020). */
type TxtRecords = string[] | 'none' | 'no name'

/** The message is the error code. */
class DnsUnavailable extends Error {}

/** Checks the SPF, DKIM and DMARC records of the sender's domain. */
export async function checkSender(from: string, dns: Dns): Promise<Finding[]> {
  const domain = parseAddressWithOptionalName(from)?.address.split('@').at(-1) ?? ''
  const checks = { spf: checkSpf, dkim: checkDkim, dmarc: checkDmarc }
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return await check(domain, dns)
      } catch (error) {
        if (!(error instanceof DnsUnavailable)) throw error
        return warning(
          `sender.${name}`,
          `The DNS could not be asked about ${domain} (${error.message}).`,
          'Run it where a resolver is reachable, or name one with --resolver.',
        )
      }
    }),
  )
}

async function readTxt(dns: Dns, name: string): Promise<TxtRecords> {
  try {
    return (await dns.resolveTxt(name)).map((parts) => parts.join(''))
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    if (code === 'ENODATA') return 'none'
    if (code === 'ENOTFOUND') return 'no name'
    throw new DnsUnavailable(code)
  }
}

const matching = (records: TxtRecords, pattern: RegExp) =>
  typeof records === 'string' ? [] : records.filter((record) => pattern.test(record))

async function checkSpf(domain: string, dns: Dns): Promise<Finding> {
  const records = matching(await readTxt(dns, domain), /^v=spf1(?: |$)/i)
  const [record] = records
  if (record === undefined)
    return trouble(
      'sender.spf',
      `${domain} has no SPF record.`,
      `Add a TXT record at ${domain} that names the mail server, such as "v=spf1 include:… -all".`,
    )
  if (records.length > 1)
    return trouble(
      'sender.spf',
      `${domain} has ${records.length} SPF records, which counts as an error.`,
      'Keep one (RFC 7208 §4.5).',
    )
  if (/(?:^| )\+?all(?: |$)/i.test(record))
    return trouble(
      'sender.spf',
      `The SPF record of ${domain} lets everybody send.`,
      'End it with -all or ~all.',
    )
  return ok('sender.spf', `${domain} has an SPF record.`)
}

/** Only the mail server knows the name of its key below `_domainkey`. */
async function checkDkim(domain: string, dns: Dns): Promise<Finding> {
  if ((await readTxt(dns, `_domainkey.${domain}`)) === 'no name')
    return warning(
      'sender.dkim',
      `${domain} has no DKIM key.`,
      'Let the mail server sign with DKIM, and publish its key, where the server signs for this domain.',
    )
  return ok(
    'sender.dkim',
    `${domain} may have DKIM keys; only the mail server knows whether it signs with one.`,
  )
}

async function checkDmarc(domain: string, dns: Dns): Promise<Finding> {
  // A parent's policy may apply to subdomains (RFC 7489 §6.6.3).
  const labels = domain.split('.')
  const parents = labels.slice(0, -1).map((_, at) => labels.slice(at).join('.'))
  for (const name of parents) {
    const [record] = matching(await readTxt(dns, `_dmarc.${name}`), /^v=DMARC1\s*(?:;|$)/i)
    if (record !== undefined) return ok('sender.dmarc', `${name} has a DMARC policy.`)
  }
  return warning(
    'sender.dmarc',
    `${domain} has no DMARC policy.`,
    `Add a TXT record at _dmarc.${domain}, such as "v=DMARC1; p=none; rua=mailto:…".`,
  )
}
