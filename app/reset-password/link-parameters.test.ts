import { describe, expect, test } from 'vitest'
import { cpuTimeSince } from '@/e2e/world/cpu-time'
import type { Query } from '../problems'
import { readLinkParameters } from './link-parameters'

const userId = '0198c2f4-7e1a-7000-8000-000000000001'
const timestamp = '1700000000'
const signature = `${'aB3_-'.repeat(17)}z`
const whole = { user_id: userId, timestamp, signature }

/** The query as the browser would send it for an address that ends in `text`. */
function queryOf(text: string): Query {
  const query: Query = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name]
    query[name] = before === undefined ? value : [before, value].flat()
  }
  return query
}

const intact = `user_id=${userId}&timestamp=${timestamp}&signature=${signature}`

test('an intact link is read as it stands', () => {
  expect(readLinkParameters(queryOf(intact))).toEqual(whole)
})

test('parameters of others are left alone', () => {
  expect(readLinkParameters(queryOf(`tenant=a&tenant=b&${intact}&problem=throttled`))).toEqual(whole)
})

describe('U12: what mail programs do to a link is undone', () => {
  test.each([
    ['`&amp;` for `&`', intact.replaceAll('&', '&amp;')],
    ['`&amp;amp;` for `&`', intact.replaceAll('&', '&amp;amp;')],
    ['a line break inside the signature', intact.replace('aB3_-aB3', 'aB3_-%0D%0A%20aB3')],
    ['a space inside the account', intact.replace('0198c2f4-', '0198c2f4-+')],
    ['a soft hyphen and a zero-width space', intact.replace('aB3_-aB3', 'aB3_-%C2%AD%E2%80%8BaB3')],
    ['a full stop at the end', `${intact}.`],
    ['a closing angle bracket', `${intact}%3E`],
    ['a bracket and a full stop', `${intact}).`],
    ['a quotation mark', `${intact}%E2%80%9D`],
    ['white space at the end', `${intact}%20%0A`],
  ])('%s', (_, text) => {
    expect(readLinkParameters(queryOf(text))).toEqual(whole)
  })
})

test('a signature that ends in a hyphen or an underscore keeps it', () => {
  expect(readLinkParameters({ user_id: userId, timestamp, signature: 'abc-_' })).toMatchObject({
    signature: 'abc-_',
  })
})

describe('T12: what cannot be mended without guessing is damaged', () => {
  test.each([
    ['a missing parameter', `user_id=${userId}&timestamp=${timestamp}`],
    ['an empty parameter', `user_id=&timestamp=${timestamp}&signature=${signature}`],
    ['a parameter of white space only', `user_id=%20&timestamp=${timestamp}&signature=${signature}`],
    ['a signature of punctuation only', `user_id=${userId}&timestamp=${timestamp}&signature=...`],
    ['a repeated parameter', `${intact}&user_id=somebody`],
    ['a parameter repeated with the same value', `${intact}&timestamp=${timestamp}`],
    ['a parameter and its `&amp;` twin', `${intact}&amp;signature=${signature}`],
    ['a signature of more characters than any link has', `${intact}${'.'.repeat(200)}`],
    [
      'an account of more characters than any link has',
      intact.replace('0198c2f4-', `0198c2f4-${'+'.repeat(200)}`),
    ],
  ])('%s', (_, text) => {
    expect(readLinkParameters(queryOf(text))).toBe('damaged')
  })
})

test('I3, C14: the longest address costs no more than a short one', () => {
  const start = process.cpuUsage()
  for (const [piece, end] of [
    ['.', 'a'],
    [' ', 'a'],
    ['.a', ''],
  ] as const) {
    const long = { user_id: userId, timestamp, signature: piece.repeat(15_000) + end }
    expect(readLinkParameters(long)).toBe('damaged')
  }
  expect(cpuTimeSince(start)).toBeLessThan(50)
})

test('H5: an address without any of the three carries no link, as after a reload', () => {
  expect(readLinkParameters({})).toBe('none')
  expect(readLinkParameters({ problem: 'throttled' })).toBe('none')
})

test('I2: a parameter named like a part of every object is a parameter like others', () => {
  const query = queryOf(`__proto__=a&constructor=b&${intact}`)
  expect(readLinkParameters(query)).toEqual(whole)
  expect(readLinkParameters(queryOf('toString=1'))).toBe('none')
})
