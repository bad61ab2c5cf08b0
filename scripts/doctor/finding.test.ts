import { expect, test } from 'vitest'
import { ok, runCheck } from './finding'

test('a check that throws is reported with the code of the error and without its message [L3]', async () => {
  const error = Object.assign(new RangeError('password hunter2 of zoe@example.com'), { code: '42P01' })
  const [finding] = await runCheck('users', 1_000, () => Promise.reject(error))
  expect(finding).toMatchObject({ check: 'users', status: 'trouble' })
  expect(finding!.message).toBe('The check itself failed (RangeError 42P01).')
})

test('a check that does not end is reported after its time limit', async () => {
  const began = performance.now()
  const [finding] = await runCheck('mail', 50, () => new Promise(() => undefined))
  expect(finding).toMatchObject({ check: 'mail', status: 'trouble' })
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(await runCheck('mail', 1_000, () => Promise.resolve([ok('mail', 'well')]))).toEqual([
    ok('mail', 'well'),
  ])
})
