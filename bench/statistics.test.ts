import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentile, ratiosOf, spreadOf } from './statistics'

test('the median of an odd number of rounds is the middle one, and of an even number lies between the middle two', () => {
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, least: 1, most: 9 })
  expect(spreadOf([10, 2, 4, 1])).toEqual({ median: 3, least: 1, most: 10 })
  expect(() => spreadOf([])).toThrow('nothing')
})

test('the median has as many rounds above it as below, and numbers are sorted as numbers', () => {
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

test('a machine that is slow for one whole round changes no ratio', () => {
  const [ours, theirs] = [
    [50, 5, 50],
    [100, 10, 100],
  ]

  expect(ratiosOf(ours!, theirs!)).toEqual([0.5, 0.5, 0.5])
  expect(() => ratiosOf([1, 2], [1])).toThrow('both sides')
})

test('a percentile is one of the values: the smallest that so many do not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)

  expect([50, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 99, 100])
  expect(percentile([7], 99)).toBe(7)
  expect(percentile([], 50)).toBe(0)
})
