import { expect, test } from 'vitest'
import { ok, runCheck } from './finding'

test('a check that throws is a finding with codes, and without the text of the error [L3]', async () => {
  const error = Object.assign(new RangeError('password hunter2 of zoe@example.com'), { code: '42P01' })
  const [finding] = await runCheck('users', 1_000, () => Promise.reject(error))
  expect(finding).toMatchObject({ check: 'users', status: 'trouble' })
  expect(finding!.message).toBe('The check itself failed (RangeError 42P01).')
})

test('a check that never ends is a finding, in time', async () => {
  const began = performance.now()
  const [finding] = await runCheck('mail', 50, () => new Promise(() => undefined))
  expect(finding).toMatchObject({ check: 'mail', status: 'trouble' })
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(await runCheck('mail', 1_000, () => Promise.resolve([ok('mail', 'well')]))).toEqual([
    ok('mail', 'well'),
  ])
})
