import { createDatabase, prepareDatabase } from '@/bench/database'
import { runPeerScript, startApp, startPeers } from '@/bench/processes'
import { compare, runRounds, underLoad, type Bench, type Results } from '@/bench/rounds'
import { accounts, known, unknown } from './requests'

/** Requesting a link against better-auth's `request-password-reset`, in the same Next on the same PostgreSQL; its mail costs nothing. */
export async function betterAuth(bench: Bench): Promise<Results> {
  if (bench.server === undefined)
    return { comparisons: [], notes: ['Left out: better-auth needs a server, so set BENCH_DATABASE_URL.'] }
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accounts)
  const app = await startApp({ database, smtpUrl: await bench.smtpUrl() })

  const theirs = await createDatabase(bench.server)
  const env = { PEER_DATABASE_URL: theirs.url }
  await runPeerScript('bench/peers/migrate-better-auth.js', env)
  await theirs.sql.query(
    `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
     SELECT n::text, 'Bench Person', 'bench-' || n || '@example.com', true, now(), now() FROM generate_series(0, $1::int - 1) n`,
    [accounts],
  )
  await theirs.sql.query(
    `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
     SELECT "id", "id", 'credential', "id", 'not used', now(), now() FROM "user"`,
  )
  await theirs.sql.query('ANALYZE')
  const peers = await startPeers(env)
  const request = { ...known, path: '/api/auth/request-password-reset', connections: 16 }
  const used = { group: peers, database: theirs }
  const [ours, others] = ['a known account', 'an unknown account'].map((who) => [who, `better-auth, ${who}`])
  const samples = await runRounds(bench, [
    underLoad(bench, ours![1]!, { ...request, body: '{"email":"bench-{value}@example.com"}' }, used),
    underLoad(bench, ours![0]!, { ...known, connections: 16 }, { group: app, database }),
    underLoad(bench, others![1]!, { ...request, body: '{"email":"stranger-{value}@example.com"}' }, used),
    underLoad(bench, others![0]!, { ...unknown, connections: 16 }, { group: app, database }),
  ])
  return {
    comparisons: [ours, others].map((pair) => compare(samples, pair![0]!, pair![1]!, 'rate ≥ 2')),
  }
}
