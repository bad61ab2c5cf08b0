import { createDatabase, prepareDatabase } from '@/bench/database'
import { signLinks } from '@/bench/links'
import { startApp, startProgram } from '@/bench/processes'
import type { LoadOrder, LoadResult } from '@/bench/programs/load'
import { compare, measuredContender, runRounds, type Bench, type Figure, type Results } from '@/bench/rounds'
import { accountCount, knownAccountRequest } from './requests'

/** Compares resets with hashing alone, then measures other requests while resets keep the processor busy. */
export async function compareResets(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accountCount)
  const app = await startApp({ database, smtpUrl: await bench.smtpUrl() })
  const bare = startProgram<{ seconds: number }, { count: number; seconds: number }>('bare-argon2')
  let next = 0

  /** Each link works once, so there must be more than resets can use up. */
  async function bodiesFor(seconds: number): Promise<string[]> {
    const count = Math.ceil(seconds * 160)
    next += count
    const links = await signLinks(app, database, next - count, count)
    return links.map((link) => JSON.stringify({ ...link, password: 'velvet orchid 7731 harbour' }))
  }
  const reset = (values: string[], seconds: number): Promise<LoadResult> =>
    bench.load.order({
      url: app.url,
      path: '/api/v1/accounts/reset-password/',
      body: '{value}',
      values,
      once: true,
      connections: 16,
      seconds,
      status: 200,
    })

  const samples = await runRounds(bench, [
    {
      name: 'argon2id alone',
      async run(seconds) {
        const cpu = bare.cpu()
        const { count, seconds: elapsed } = await bare.order({ seconds })
        return { rate: count / elapsed, cpu: (bare.cpu() - cpu) / count }
      },
    },
    measuredContender('a reset', { group: app, database }, async (seconds) =>
      reset(await bodiesFor(seconds), seconds),
    ),
  ])

  const probe = startProgram<LoadOrder, LoadResult>('load')
  const health: Figure[] = ['idle', 'while resets saturate'].map((when) => ({
    name: `p99 of a health check, ${when}`,
    unit: 'ms',
    ...(when !== 'idle' && { goal: '< 5 × idle' }),
    values: [],
  }))
  const requesting: Figure[] = ['idle', 'while resets saturate'].map((when) => ({
    name: `p99 of requesting, ${when}`,
    unit: 'ms',
    values: [],
  }))
  const order = { url: app.url, perSecond: 20, connections: 16, seconds: bench.seconds }
  for (let round = 0; round < bench.rounds; round += 1) {
    bench.progress(`round ${round + 1} of ${bench.rounds}: others while resets saturate`)
    const bodies = await bodiesFor(2 * bench.seconds + 1)
    for (const saturated of [0, 1]) {
      const saturation = saturated ? reset(bodies, 2 * bench.seconds + 1) : undefined
      const check = await probe.order({ ...order, path: '/api/health/ready', status: 200 })
      health[saturated]!.values.push(check.p99)
      requesting[saturated]!.values.push((await probe.order({ ...knownAccountRequest, ...order })).p99)
      await saturation
    }
  }
  return {
    comparisons: [compare(samples, 'a reset', 'argon2id alone', 'rate ≥ 0.85')],
    figures: [...health, ...requesting],
  }
}
