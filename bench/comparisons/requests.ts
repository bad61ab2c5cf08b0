import { createDatabase, prepareDatabase } from '@/bench/database'
import { startApp, startPeers } from '@/bench/processes'
import type { LoadOrder } from '@/bench/programs/load'
import { compare, runRounds, underLoad, type Bench, type Results } from '@/bench/rounds'

export const accounts = 100_000
const send = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'

type Request = Omit<LoadOrder, 'connections' | 'url' | 'seconds'>

/** Accounts in turn, so that few requests are for one that was requested shortly before. */
export const known: Request = {
  path: send,
  body: '{"login":"bench-{value}"}',
  values: { first: 0, count: accounts },
  status: 200,
}
export const unknown: Request = { ...known, body: '{"login":"stranger-{value}"}' }
/** One client, far beyond its limit. */
const limited: Request = { ...known, client: '192.0.2.7', status: 429 }
const forged: Request = {
  path: reset,
  body: '{"user_id":"{value}","timestamp":1,"signature":"{random}","password":"gravel meadow harbour"}',
  values: { first: 1, count: accounts },
  status: 400,
}
const missing: Request = { path: '/not-there-{value}/', values: { first: 1, count: accounts }, status: 404 }
export const empty: Request = { path: '/empty', body: '{"login":"bench-{value}"}', status: 200 }

/** Requesting a link, and being refused, against an empty handler of the same Next. No worker runs: emails are another benchmark. */
export async function requests(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accounts)
  const options = { database, smtpUrl: await bench.smtpUrl() }
  const app = await startApp(options)
  const pair = await startApp({ ...options, env: { WEB_CONCURRENCY: '2' } })
  const peers = await startPeers()

  const used = { group: app, database }
  // The first requests of a client that is over its limit afterwards.
  await bench.load.order({
    ...known,
    ...limited,
    status: 200,
    values: { first: 0, count: 30 },
    once: true,
    url: app.url,
    connections: 1,
    seconds: 60,
  })
  const connections = 16
  const samples = await runRounds(bench, [
    underLoad(bench, 'an empty handler', { ...empty, connections }, { group: peers }),
    underLoad(bench, 'a known account', { ...known, connections }, used),
    underLoad(bench, 'an unknown account', { ...unknown, connections }, used),
    underLoad(bench, 'too many requests (429)', { ...limited, connections }, used),
    underLoad(bench, 'a bad signature', { ...forged, connections }, used),
    underLoad(bench, 'a page that is not there', { ...missing, connections }, used),
    underLoad(bench, 'an empty handler, 64 connections', { ...empty, connections: 64 }, { group: peers }),
    underLoad(bench, 'a known account, 64 connections', { ...known, connections: 64 }, used),
    underLoad(
      bench,
      'a known account, 2 web processes',
      { ...known, connections },
      { group: pair, database },
    ),
    ...(bench.peer === undefined
      ? []
      : [underLoad(bench, bench.peer, { ...unknown, ...peer(bench.peer), connections }, {})]),
  ])

  const base = 'an empty handler'
  return {
    comparisons: [
      compare(samples, 'a known account', base, 'rate ≥ 0.85'),
      compare(samples, 'an unknown account', base, 'rate ≥ 0.85'),
      compare(samples, 'a known account, 64 connections', 'an empty handler, 64 connections', 'rate ≥ 0.85'),
      compare(samples, 'too many requests (429)', base, 'CPU ≤ 1.3'),
      compare(samples, 'a bad signature', base, 'CPU ≤ 2'),
      compare(samples, 'a page that is not there', base, 'CPU ≤ 1'),
      compare(samples, 'a known account', 'an unknown account', 'rate 1'),
      compare(samples, 'a known account, 2 web processes', 'a known account', 'rate ≥ 1.7, on more cores'),
      ...(bench.peer === undefined ? [] : [compare(samples, 'an unknown account', bench.peer, 'rate ≥ 1.2')]),
    ],
  }
}

/** @param url of the endpoint, whose path differs from installation to installation */
function peer(url: string): { url: string; path: string } {
  const { origin, pathname, search } = new URL(url)
  return { url: origin, path: pathname + search }
}
