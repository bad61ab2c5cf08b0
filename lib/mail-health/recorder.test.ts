import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { RekeyConfig } from '@/lib/password-reset/extension-points'
import { createMailHealthRecorder } from './recorder'
import { mailTimes } from './verdict'

test('a sendEmail function of the team that returns nothing is an error that says so', async () => {
  const recorder = createMailHealthRecorder({
    state: { write: async () => undefined, clear: async () => undefined },
    verify: undefined,
    log: pino({ level: 'silent' }),
    times: mailTimes,
    onFailure: () => undefined,
  })
  const untyped: RekeyConfig = { sendEmail: async () => undefined as never }
  const { configuration } = recorder.watchSending({ mailer: undefined as never, configuration: untyped })
  const email = { id: 'job', to: 'ada@example.com' }
  await expect(configuration.sendEmail!(email as never, undefined as never)).rejects.toThrow(
    'sendEmail of rekey.config.ts returned nothing.',
  )
  await recorder.stop()
})
