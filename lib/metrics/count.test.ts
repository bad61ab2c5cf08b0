import { beforeEach, expect, test } from 'vitest'
import { allSeries, counters, processGauges, type CounterLabels } from './catalogue'
import { count, registerGauge, hasCounts, readProcessGauges, takeCounts } from './count'

beforeEach(() => void takeCounts())

test('counts are added up by series and taken once [L7]', () => {
  count('resets', { outcome: 'changed' })
  count('resets', { outcome: 'changed' })
  count('emails_deferred', { cause: 'network', kind: 'link' })
  count('errors', {})
  expect(hasCounts()).toBe(true)
  expect(Object.fromEntries(takeCounts())).toEqual({
    'resets{outcome="changed"}': 2,
    'emails_deferred{kind="link",cause="network"}': 1,
    errors: 1,
  })
  expect(hasCounts()).toBe(false)
})

test('a label that is not in the catalogue is not counted, so that none can name a person [L7]', () => {
  const cause = 'zoe@example.com' as CounterLabels<'emails_failed'>['cause']
  count('emails_failed', { kind: 'link', cause })
  count('emails_failed', { kind: 'link' } as CounterLabels<'emails_failed'>)
  expect(hasCounts()).toBe(false)
})

test('there are fewer than 200 series, and their names need no escaping [L7]', () => {
  const all = Object.entries({ ...counters, ...processGauges }).flatMap(([name, { labels }]) =>
    allSeries(name, labels),
  )
  expect(all.length).toBeLessThan(200)
  for (const series of all) expect(series).toMatch(/^[a-z_]+(?:\{(?:[a-z]+="[A-Za-z-]+",?)+\})?$/)
})

test('a gauge is read when it is reported, by the function that was registered last [L7]', () => {
  let waiting = 1
  registerGauge('hash_queue', { state: 'waiting' }, () => -1)
  registerGauge('hash_queue', { state: 'waiting' }, () => waiting)
  waiting = 7
  expect(readProcessGauges()).toMatchObject({ 'hash_queue{state="waiting"}': 7 })
})
