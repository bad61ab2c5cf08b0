import { pino } from 'pino'
import { expect, test } from 'vitest'
import { monotonicNow, createObservationWriter } from './observation-writer'
import type { MailObservations } from './state'

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
  ['after the failure', 0, undefined],
  ['before the failure', 400, 'authentication'],
])(
  'a working connection that began %s (%i ms ago) leaves the failure to write with the cause %s [L7]',
  async (_, age, cause) => {
    const { writer, written, cleared } = start()
    // The first write is not delayed.
    await writer.write()
    writer.fail('authentication', 'EAUTH', monotonicNow())
    await writer.clear(['authentication'], age)
    await writer.stop()
    expect(written.at(-1)?.failure?.cause).toBe(cause)
    expect(cleared).toEqual([age])
  },
)

test('a working connection does not clear a failure of another cause [L7]', async () => {
  const { writer, written } = start()
  await writer.write()
  writer.fail('budget', 'email-budget-spent', monotonicNow())
  await writer.clear(['authentication'], 0)
  await writer.stop()
  expect(written.at(-1)?.failure?.cause).toBe('budget')
})
