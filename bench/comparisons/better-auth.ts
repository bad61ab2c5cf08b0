import { createDatabase, prepareDatabase } from '@/bench/database'
import { runPeerScript, startApp, startPeers } from '@/bench/processes'
import { compare, runRounds, contenderUnderLoad, type Bench, type Results } from '@/bench/rounds'
import { accountCount, knownAccountRequest, unknownAccountRequest } from './requests'

/** Compares requests of a link with better-auth's. Neither side sends emails. Measures nothing without a server. */
export async function compareWithBetterAuth(bench: Bench): Promise<Results> {
  if (bench.server === undefined)
    return { comparisons: [], notes: ['Left out: better-auth needs a server, so set BENCH_DATABASE_URL.'] }
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accountCount)
  const app = await startApp({ database, smtpUrl: await bench.smtpUrl() })

  const theirs = await createDatabase(bench.server)
  const env = { PEER_DATABASE_URL: theirs.url }
  await runPeerScript('bench/peers/migrate-better-auth.js', env)
  await theirs.sql.query(
    `INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
     SELECT n::text, 'Bench Person', 'bench-' || n || '@example.com', true, now(), now() FROM generate_series(0, $1::int - 1) n`,
    [accountCount],
  )
  await theirs.sql.query(
    `INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
     SELECT "id", "id", 'credential', "id", 'not used', now(), now() FROM "user"`,
  )
  await theirs.sql.query('ANALYZE')
  const peers = await startPeers(env)
  const request = { ...knownAccountRequest, path: '/api/auth/request-password-reset', connections: 16 }
  const used = { group: peers, database: theirs }
  const [ours, others] = ['a known account', 'an unknown account'].map((who) => [who, `better-auth, ${who}`])
  const samples = await runRounds(bench, [
    contenderUnderLoad(bench, ours![1]!, { ...request, body: '{"email":"bench-{value}@example.com"}' }, used),
    contenderUnderLoad(
      bench,
      ours![0]!,
      { ...knownAccountRequest, connections: 16 },
      { group: app, database },
    ),
    contenderUnderLoad(
      bench,
      others![1]!,
      { ...request, body: '{"email":"stranger-{value}@example.com"}' },
      used,
    ),
    contenderUnderLoad(
      bench,
      others![0]!,
      { ...unknownAccountRequest, connections: 16 },
      { group: app, database },
    ),
  ])
  return {
    comparisons: [ours, others].map((pair) => compare(samples, pair![0]!, pair![1]!, 'rate ≥ 2')),
  }
}
