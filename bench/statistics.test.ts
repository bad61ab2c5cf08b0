import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentile, ratiosOf, spreadOf } from './statistics'

test('the median is the middle value of an odd number of rounds, and the mean of the middle two of an even number', () => {
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, least: 1, most: 9 })
  expect(spreadOf([10, 2, 4, 1])).toEqual({ median: 3, least: 1, most: 10 })
  expect(() => spreadOf([])).toThrow('nothing')
})

test('at most half of the rounds are above the median, and at most half below', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const { median, least, most } = spreadOf(values)
      const below = values.filter((value) => value < median).length
      const above = values.filter((value) => value > median).length
      expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2)
      expect([least, most]).toEqual([Math.min(...values), Math.max(...values)])
    }),
  )
})

test('a round in which the machine is slow for both sides does not change the ratio', () => {
  const [ours, theirs] = [
    [50, 5, 50],
    [100, 10, 100],
  ]

  expect(ratiosOf(ours!, theirs!)).toEqual([0.5, 0.5, 0.5])
  expect(() => ratiosOf([1, 2], [1])).toThrow('both sides')
})

test('a percentile is the smallest value that this percentage of the values does not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)

  expect([50, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 99, 100])
  expect(percentile([7], 99)).toBe(7)
  expect(percentile([], 50)).toBe(0)
})
