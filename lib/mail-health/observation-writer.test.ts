import { pino } from 'pino'
import { expect, test } from 'vitest'
import { monotonicNow, createObservationWriter } from './observation-writer'
import type { MailObservations } from './state'

/** A writer whose store keeps what it is told. */
function start() {
  const written: MailObservations[] = []
  const cleared: number[] = []
  const writer = createObservationWriter({
    state: {
      write: async (news) => void written.push(news),
      clear: async (_, age) => void cleared.push(age),
    },
    log: pino({ level: 'silent' }),
    times: { write: 60_000 },
    onFailure: undefined,
  })
  return { writer, written, cleared }
}

test.each([
  ['before a connection was tried', 0, undefined],
  ['while it was tried', 400, 'authentication'],
])('a failure %s is %s ms old at least when it is cleared [L7]', async (_, age, kept) => {
  const { writer, written, cleared } = start()
  // The first write is not delayed.
  await writer.write()
  writer.fail('authentication', 'EAUTH', monotonicNow())
  await writer.clear(['authentication'], age)
  await writer.stop()
  expect(written.at(-1)?.failure?.cause).toBe(kept)
  expect(cleared).toEqual([age])
})

test('a failure of another cause stays [L7]', async () => {
  const { writer, written } = start()
  await writer.write()
  writer.fail('budget', 'email-budget-spent', monotonicNow())
  await writer.clear(['authentication'], 0)
  await writer.stop()
  expect(written.at(-1)?.failure?.cause).toBe('budget')
})
