import { describe, expect, test } from 'vitest'
import { repairUrlCutAtHash } from './url-cut-at-hash'
import { readLinkParameters, type PageQuery } from './parse-link'

const userId = '0198c2f4-7e1a-7000-8000-000000000001'
const timestamp = '1700000000'
const signature = `${'aB3_-'.repeat(17)}z`
const whole = { user_id: userId, timestamp, signature }
const intact = `user_id=${userId}&timestamp=${timestamp}&signature=${signature}`

function queryOf(text: string): PageQuery {
  const query: PageQuery = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name]
    query[name] = before === undefined ? value : [before, value].flat()
  }
  return query
}

/** Reads a link as a page does; only `genuine` is a valid signature. */
function read(query: PageQuery, genuine = signature) {
  const verifyAuthenticity = (_purpose: string, link: { signature: string }) =>
    link.signature === genuine ? {} : null
  return readLinkParameters({ verifyAuthenticity } as never, 'reset', query)
}

test('an intact link is read as it is, and other parameters are ignored', () => {
  expect(read(queryOf(intact))).toEqual(whole)
  expect(read(queryOf(`tenant=a&tenant=b&${intact}&error=throttled`))).toEqual(whole)
})

test('a damaged link is read as the link that was mailed [U12]', () => {
  expect(read(queryOf(`${intact.replace('&timestamp', '×tamp')}).`))).toEqual(whole)
})

test('a link that is not valid is read as received [T12]', () => {
  expect(read(queryOf(`${intact}.`), 'another')).toEqual({ ...whole, signature: `${signature}.` })
})

describe('links that cannot be repaired [T12]', () => {
  test.each([
    ['a missing parameter', `user_id=${userId}&timestamp=${timestamp}`],
    ['an empty parameter', `user_id=&timestamp=${timestamp}&signature=${signature}`],
    ['a parameter of white space only', `user_id=%20&timestamp=${timestamp}&signature=${signature}`],
    ['a repeated parameter', `${intact}&user_id=somebody`],
    ['a parameter repeated with the same value', `${intact}&timestamp=${timestamp}`],
    ['a forged signature and a damaged parameter', intact.replace('&timestamp', '×tamp').replace(/z$/, 'y')],
    ['a signature that is too long', `${intact}${'a'.repeat(250)}`],
    ['a user id that is too long', `${intact.replace('0198c2f4-', `0198c2f4-${'a'.repeat(250)}`)}x`],
  ])('a link with %s counts as damaged', (_, text) => {
    expect(read(queryOf(text))).toBe('damaged')
  })
})

test('an address without a parameter of a link counts as one without a link, as after a reload [H5]', () => {
  expect(read({})).toBe('none')
  expect(read({ error: 'throttled' })).toBe('none')
})

test('a parameter named like a property of all objects is ignored like any other [I2]', () => {
  expect(read(queryOf(`__proto__=a&constructor=b&${intact}`))).toEqual(whole)
  expect(read(queryOf('toString=1'))).toBe('none')
})

describe('addresses whose ampersands became `#038;` [U12]', () => {
  const path = '/reset-password/'
  const restored = (address: string) => repairUrlCutAtHash(new URL(address, 'https://id.example.com'))

  test.each(['&#038;', '#038;', '&#38;', '#38;', '&#x26;', '&#X26;'])(
    'an address whose ampersands became %s is restored',
    (spelled) => {
      const address = restored(`${path}?${intact.replaceAll('&', spelled)}`)!
      expect(address).toMatch(/^\/reset-password\/\?/)
      expect(read(queryOf(address.slice(path.length + 1)))).toEqual(whole)
    },
  )

  test.each(['', '#', '#top', '#038;', '#038;other=1', `#${intact}`, '#/reset-password/?timestamp=1'])(
    'an address with another fragment (%j) is not changed',
    (hash) => {
      expect(restored(`${path}?${intact}${hash}`)).toBeUndefined()
    },
  )
})
