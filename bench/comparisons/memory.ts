import { createDatabase, prepareDatabase } from '@/bench/database'
import { startApp, startPeers, wait, type ProcessGroup } from '@/bench/processes'
import type { LoadOrder } from '@/bench/programs/load'
import type { Bench, Figure, Results } from '@/bench/rounds'
import { spreadOf } from '@/bench/statistics'
import { accountCount, emptyHandlerRequest, knownAccountRequest } from './requests'

const fifths = 5
/** Milliseconds. */
const untilIdle = 30_000
const megabytes = (group: ProcessGroup) => group.memory() / 1e6

/** Compares the time from start to ready, and the memory idle and under load, with an empty app of the same Next. */
export async function compareMemory(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, accountCount)
  const smtpUrl = await bench.smtpUrl()
  const env = { WEB_CONCURRENCY: '2', WORKER: 'on', LIMIT_EMAILS: '1000000/1h' }
  const sides: {
    name: string
    start: () => Promise<ProcessGroup>
    order: Omit<LoadOrder, 'url' | 'connections' | 'seconds'>
  }[] = [
    { name: 'Rekey', start: () => startApp({ database, smtpUrl, env }), order: knownAccountRequest },
    { name: 'the empty app', start: () => startPeers(), order: emptyHandlerRequest },
  ]
  const figures: Figure[] = []
  const times = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
  for (let round = 0; round < bench.rounds; round += 1) {
    for (const { name, start } of sides) {
      const began = performance.now()
      const group = await start()
      times.get(name)!.push(performance.now() - began)
      await group.stop()
    }
    bench.progress(`round ${round + 1} of ${bench.rounds}: started both`)
  }
  for (const [name, values] of times) figures.push({ name: `start to ready, ${name}`, unit: 'ms', values })
  const [own, other] = [...times.values()]
  figures.push({
    name: 'start to ready, Rekey / the empty app',
    unit: '×',
    goal: '≤ 2',
    values: own!.map((value, round) => value / other![round]!),
  })

  for (const { name, start, order } of sides) {
    const group = await start()
    await wait(untilIdle)
    figures.push({
      name: `memory idle, ${name}`,
      unit: 'MB',
      ...(name === 'Rekey' && { goal: '≤ 250' }),
      values: [megabytes(group)],
    })
    const byFifth: number[] = []
    for (let fifth = 1; fifth <= fifths; fifth += 1) {
      bench.progress(`memory of ${name} under load, fifth ${fifth} of ${fifths}`)
      const load = bench.load.order({
        ...order,
        url: group.url,
        connections: 16,
        seconds: 15 * bench.seconds,
      })
      const samples: number[] = []
      const sampling = setInterval(() => samples.push(megabytes(group)), 2_000)
      await load
      clearInterval(sampling)
      byFifth.push(spreadOf(samples).median)
    }
    for (const fifth of [1, 2, fifths])
      figures.push({
        name: `memory in fifth ${fifth} of the load, ${name}`,
        unit: 'MB',
        values: [byFifth[fifth - 1]!],
      })
    figures.push({
      name: `memory in the last fifth / fifth 2, ${name}`,
      unit: '×',
      ...(name === 'Rekey' && { goal: 'about 1: flat' }),
      values: [byFifth[fifths - 1]! / byFifth[1]!],
    })
    await wait(untilIdle)
    figures.push({ name: `memory idle after the load, ${name}`, unit: 'MB', values: [megabytes(group)] })
    await group.stop()
  }
  return { comparisons: [], figures }
}
