import { createDatabase, prepareDatabase } from '@/bench/database'
import { startApp, startPeers } from '@/bench/processes'
import type { LoadOrder } from '@/bench/programs/load'
import { compare, runRounds, contenderUnderLoad, type Bench, type Results } from '@/bench/rounds'

export const accountCount = 100_000
const send = '/api/v1/accounts/send-reset-password-link/'
const reset = '/api/v1/accounts/reset-password/'

type Request = Omit<LoadOrder, 'connections' | 'url' | 'seconds'>

/** For each account in turn, so that few were requested shortly before. */
export const knownAccountRequest: Request = {
  path: send,
  body: '{"login":"bench-{value}"}',
  values: { first: 0, count: accountCount },
  status: 200,
}
export const unknownAccountRequest: Request = { ...knownAccountRequest, body: '{"login":"stranger-{value}"}' }
/** The request of a client that has reached its limit. */
const limited: Request = { ...knownAccountRequest, client: '192.0.2.7', status: 429 }
const forged: Request = {
  path: reset,
  body: '{"user_id":"{value}","timestamp":1,"signature":"{random}","password":"gravel meadow harbour"}',
  values: { first: 1, count: accountCount },
  status: 400,
}
const missing: Request = {
  path: '/not-there-{value}/',
  values: { first: 1, count: accountCount },
  status: 404,
}
export const emptyHandlerRequest: Request = { path: '/empty', body: '{"login":"bench-{value}"}', status: 200 }

/** Compares requests of a link, and rejected requests, with an empty handler of the same Next. No worker runs. */
export async function compareRequests(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accountCount)
  const options = { database, smtpUrl: await bench.smtpUrl() }
  const app = await startApp(options)
  const pair = await startApp({ ...options, env: { WEB_CONCURRENCY: '2' } })
  const peers = await startPeers()

  const used = { group: app, database }
  // Uses up the limit of the client of `limited`.
  await bench.load.order({
    ...knownAccountRequest,
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
    contenderUnderLoad(bench, 'an empty handler', { ...emptyHandlerRequest, connections }, { group: peers }),
    contenderUnderLoad(bench, 'a known account', { ...knownAccountRequest, connections }, used),
    contenderUnderLoad(bench, 'an unknown account', { ...unknownAccountRequest, connections }, used),
    contenderUnderLoad(bench, 'too many requests (429)', { ...limited, connections }, used),
    contenderUnderLoad(bench, 'a bad signature', { ...forged, connections }, used),
    contenderUnderLoad(bench, 'a page that is not there', { ...missing, connections }, used),
    contenderUnderLoad(
      bench,
      'an empty handler, 64 connections',
      { ...emptyHandlerRequest, connections: 64 },
      { group: peers },
    ),
    contenderUnderLoad(
      bench,
      'a known account, 64 connections',
      { ...knownAccountRequest, connections: 64 },
      used,
    ),
    contenderUnderLoad(
      bench,
      'a known account, 2 web processes',
      { ...knownAccountRequest, connections },
      { group: pair, database },
    ),
    ...(bench.peer === undefined
      ? []
      : [
          contenderUnderLoad(
            bench,
            bench.peer,
            { ...unknownAccountRequest, ...peer(bench.peer), connections },
            {},
          ),
        ]),
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

function peer(url: string): { url: string; path: string } {
  const { origin, pathname, search } = new URL(url)
  return { url: origin, path: pathname + search }
}
