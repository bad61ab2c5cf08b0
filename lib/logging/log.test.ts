import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeError } from './log'

test.skipIf(!existsSync('/dev/full'))(
  'a log that cannot be written to neither ends nor blocks the process, even after a fatal line [F15]',
  () => {
    const script = `
      const { createLog } = await import('./lib/logging/log.ts')
      const log = createLog('info', 'trial')
      for (const level of ['info', 'error', 'fatal', 'info']) log[level]('lost')
      setTimeout(() => console.error('alive'), 100)`
    const full = openSync('/dev/full', 'w')
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--experimental-strip-types', '--input-type=module', '--eval', script],
      { stdio: ['ignore', full, 'pipe'], encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' },
    )
    closeSync(full)
    expect([status, stderr]).toEqual([0, expect.stringContaining('alive')])
  },
)

test('an error or a copy of it is logged with its name, code and stack frames, and never with its message [L3]', () => {
  const error = Object.assign(new RangeError('of grace@example.com'), { code: 'E1' })
  const logged = { code: 'E1', at: expect.arrayContaining([expect.stringMatching(/^at /)]) }
  expect(describeError(error)).toEqual({ type: 'RangeError', ...logged })
  expect(describeError({ ...error, message: error.message, stack: error.stack })).toEqual({
    type: 'Error',
    ...logged,
  })
  expect(describeError('of grace@example.com')).toEqual({ type: 'string' })
})
