import { expect } from 'vitest'
import { isLong } from './long-form'
import type { Endpoint, RunningApp } from './running-app'
import { compareTimes, type Comparison, type Effort, type TimedRound } from './time-pairs'
import { timedClient, type TimedClient } from './timed-requests'

export type Responses = Set<string>

export type Compared<Name extends string> = { times: Record<Name, Comparison>; responses: string[] }

export function sends<Name extends string>(
  name: Name,
  client: TimedClient,
  endpoint: Endpoint,
  fields: (round: number) => object,
  responses: Responses,
): TimedRound<Name> {
  return async (round) => {
    const { took, plain } = await client.post(endpoint, fields(round))
    responses.add(plain)
    return { [name]: took } as Record<Name, number>
  }
}

export function startComparisons() {
  const clients: TimedClient[] = []
  const rows: { condition: string; comparison: Comparison }[] = []
  return {
    clientOf({ port }: Pick<RunningApp, 'port'>): TimedClient {
      const client = timedClient(port)
      clients.push(client)
      return client
    },
    async compare<Name extends string>(
      condition: string,
      sides: (responses: Responses) => [TimedRound<Name>, TimedRound<Name>],
      effort: Effort,
    ): Promise<Compared<Name>> {
      const responses: Responses = new Set()
      const times = await compareTimes(...sides(responses), effort)
      for (const [name, comparison] of Object.entries<Comparison>(times))
        rows.push({ condition: `${condition}: ${name}`, comparison })
      return { times, responses: [...responses] }
    },
    close(): void {
      for (const client of clients) client.close()
      printTable(rows)
    },
  }
}

/** The responses must be the same bytes. A failure shows the figures. */
export function expectAlike({ times, responses }: Compared<string>): void {
  expect(responses).toHaveLength(1)
  const allowed = isLong ? ['alike'] : ['alike', 'undecided']
  for (const comparison of Object.values(times))
    expect(allowed, JSON.stringify(times, null, 1)).toContain(comparison.verdict)
}

/** Checks that the comparison detected the planted sleep in the times of this name. */
export function expectToldApart({ times }: Compared<string>, name: string): void {
  const allowed = isLong ? ['told apart'] : ['told apart', 'undecided']
  expect(allowed, JSON.stringify(times)).toContain(times[name]!.verdict)
  expect(times[name]!.difference).toBeGreaterThan(0)
}

function printTable(rows: { condition: string; comparison: Comparison }[]): void {
  const ms = (value: number) => value.toFixed(2)
  const lines = rows.map(
    ({ condition, comparison: { pairs, typical, difference, interval, verdict } }) =>
      `| ${condition} | ${pairs} | ${ms(typical)} | ${ms(difference)} | ${interval.map(ms).join(' to ')} | ${verdict} |`,
  )
  const head = [
    '| condition | pairs | median ms | difference ms | 95 % interval ms | verdict |',
    '| --- | --- | --- | --- | --- | --- |',
  ]
  const undecided = rows.filter(({ comparison }) => comparison.verdict === 'undecided').length
  console.log([...head, ...lines, `${undecided} of ${rows.length} undecided`].join('\n'))
}
