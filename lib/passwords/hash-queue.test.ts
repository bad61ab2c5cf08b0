import { hash as argon2, parseOptions } from '@node-rs/argon2'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { HashQueueFull, createHashQueue } from './hash-queue'
import { argon2id } from './hashers/argon2id'
import { betterAuthScrypt } from './hashers/better-auth'
import { djangoPbkdf2 } from './hashers/django'
import type { PasswordFormat } from './hashers/password-format'

const { hash, verify } = createHashQueue()

describe('the hashes of the queue', () => {
  test('a hash is Argon2id with 19 MiB, two passes, one lane and a salt of its own [P9]', async () => {
    const [one, other] = await Promise.all([hash('correct horse'), hash('correct horse')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(parseOptions(one)).toMatchObject({ saltLen: 16, outputLen: 32 })
    expect(one).not.toBe(other)
    expect(await verify(one, 'correct horse')).toBe(true)
    expect(await verify(other, 'correct horse')).toBe(true)
  })

  test('a hash is of the whole password as it was received [P2, P4]', async () => {
    const passwords = [
      ...[
        ' outer spaces ',
        'Zażółć gęślą jaźń',
        'e\u0301'.repeat(8),
        '\u00e9'.repeat(8),
        '\ufeffx',
        '😀'.repeat(64),
        '😀'.repeat(256),
      ],
      ...fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 256 }), isLong ? 10_000 : 3),
    ]
    const roundTrip = async (password: string) => {
      const phc = await hash(password)
      expect(await verify(phc, password)).toBe(true)
      expect(await verify(phc, Array.from(password).slice(0, -1).join(''))).toBe(false)
      expect(await verify(phc, `${password}a`)).toBe(false)
    }
    while (passwords.length > 0) await Promise.all(passwords.splice(0, 12).map(roundTrip))
  }, 3_600_000)

  test('a password in another Unicode form of the same letters is another password [P5]', async () => {
    expect(await verify(await hash('\u00e9'), 'e\u0301')).toBe(false)
  })

  test('Argon2 hashes of all variants and other costs are verified', async () => {
    for (const algorithm of [0, 1, 2]) {
      const phc = await argon2('correct horse', { algorithm, memoryCost: 1024, timeCost: 1 })
      expect(await verify(phc, 'correct horse')).toBe(true)
      expect(await verify(phc, 'correct hors')).toBe(false)
    }
  })

  test.each([
    '',
    'correct horse',
    '!unusable',
    '$argon2id$',
    '$argon2id$v=19$m=19456,t=2,p=1$AAAA',
    '$argon2id$v=19$m=0,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAA',
    '$2b$12$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'pbkdf2_sha256$260000$salt$hash',
  ])('no password fits a stored value that is not an Argon2 hash, such as %j', async (phc) => {
    expect(await verify(phc, 'correct horse')).toBe(false)
    expect(await verify(phc, '')).toBe(false)
  })
})

test('hashes of all accepted formats are verified, and new hashes have the format that is written [W6]', async () => {
  const pbkdf2 = djangoPbkdf2({ iterations: 100_000 })
  const older = argon2id({ memoryCost: 7168, timeCost: 1 })
  const django = createHashQueue({ format: pbkdf2, accepts: [older] })
  expect(await django.hash('correct horse')).toMatch(/^pbkdf2_sha256\$100000\$/)
  for (const format of [pbkdf2, older])
    expect(await django.verify(await format.hash('correct horse'), 'correct horse')).toBe(true)
  expect(await django.verify(await betterAuthScrypt().hash('correct horse'), 'correct horse')).toBe(false)
  expect(await verify(await pbkdf2.hash('correct horse'), 'correct horse')).toBe(false)
})

function createSlowFormat(cost: PasswordFormat['cost'], prefix = 'slow') {
  const endings: (() => void)[] = []
  const started: string[] = []
  const work = (password: string) => {
    started.push(password)
    return new Promise<void>((resolve) => endings.push(resolve))
  }
  const format: PasswordFormat = {
    name: prefix,
    matches: (stored) => stored.startsWith(prefix),
    hash: (password) => work(password).then(() => `${prefix} ${password}`),
    verify: (password, stored) => work(password).then(() => stored === `${prefix} ${password}`),
    normalise: (password) => password,
    longestOutput: 100,
    cost,
  }
  const end = async () => {
    endings.shift()!()
    await settle()
  }
  return { format, started, end }
}

/** Waits until everything is settled that needs no thread. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

const outcomeOf = (work: Promise<unknown>) => work.catch((error: unknown) => error)

describe('the load of the queue [F14]', () => {
  test('hashes beyond those that run and those that may wait are refused at once', async () => {
    const { format, started, end } = createSlowFormat({ milliseconds: 100, mebibytes: 1 })
    // Two at a time, so three of 100 ms take 150 ms.
    const small = createHashQueue({ format, maxParallel: 2, maxWait: 150 })
    const all = Array.from({ length: 20 }, (_, index) => outcomeOf(small.hash(`${index}`)))
    await settle()
    expect([started, small.hashed]).toEqual([['0', '1'], 2])
    expect(await Promise.all(all.slice(5))).toEqual(
      Array.from({ length: 15 }, () => expect.any(HashQueueFull)),
    )

    for (let ended = 0; ended < 5; ended += 1) await end()
    expect(await Promise.all(all.slice(0, 5))).toEqual([0, 1, 2, 3, 4].map((index) => `slow ${index}`))
    expect(small.hashed).toBe(5)
  })

  test.each([
    ['19 MiB', 19, 3],
    ['32 MiB', 32, 2],
    ['100 MiB', 100, 1],
    ['1 MiB', 1, 3],
  ])(
    'of hashes that need %s each, as many run at a time as fit into 64 MiB, and at least one',
    async (_what, size, most) => {
      const { format, started, end } = createSlowFormat({ milliseconds: 10, mebibytes: size })
      const queue = createHashQueue({ format, maxParallel: 3 })
      const all = Array.from({ length: 6 }, (_, index) => queue.hash(`${index}`))
      await settle()
      for (let ended = 0; ended < 6; ended += 1) {
        expect(started).toHaveLength(Math.min(6, ended + most))
        await end()
      }
      expect(await Promise.all(all)).toHaveLength(6)
    },
  )

  test('fewer hashes of a costly format may wait than of a cheap one, so that none waits longer', async () => {
    const waiters = async (cost: PasswordFormat['cost']) => {
      const queue = createHashQueue({ format: createSlowFormat(cost).format, maxParallel: 3 })
      let refused = 0
      for (let count = 0; count < 500; count += 1) queue.hash('x').catch(() => (refused += 1))
      await settle()
      return 500 - refused - queue.hashed
    }
    expect(await waiters({ milliseconds: 450, mebibytes: 1 })).toBe(20)
    expect(await waiters({ milliseconds: 180, mebibytes: 100 })).toBe(17)
    expect(await waiters({ milliseconds: 30, mebibytes: 19 })).toBe(300)
  })

  test('a hash that needs more memory runs before those that came after it', async () => {
    const large = createSlowFormat({ milliseconds: 10, mebibytes: 100 }, 'large')
    const small = createSlowFormat({ milliseconds: 10, mebibytes: 1 }, 'small')
    const queue = createHashQueue({ format: small.format, accepts: [large.format], maxParallel: 3 })
    const first = queue.hash('first')
    const second = queue.verify('large second', 'second')
    const third = queue.hash('third')
    await settle()
    expect([small.started, large.started]).toEqual([['first'], []])
    await small.end()
    expect([small.started, large.started]).toEqual([['first'], ['second']])
    await large.end()
    expect(small.started).toEqual(['first', 'third'])
    await small.end()
    expect(await Promise.all([first, second, third])).toEqual(['small first', true, 'small third'])
  })

  test('no more hashes run at a time than allowed, and those that wait run in order', async () => {
    const single = createHashQueue({ maxParallel: 1 })
    const finished: number[] = []
    const all = Array.from({ length: 8 }, (_, index) => single.hash('x').then(() => finished.push(index)))
    for (let done = 0; done < 8; done += 1) {
      await all[done]
      expect(single.hashed).toBeLessThanOrEqual(done + 2)
    }
    expect(finished).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('a hash that failed or was refused does not block the queue', async () => {
    const failing: PasswordFormat = {
      ...createSlowFormat({ milliseconds: 10, mebibytes: 1 }).format,
      hash: () => Promise.reject(new Error('failed')),
    }
    const single = createHashQueue({ format: failing, accepts: [argon2id()], maxParallel: 1, maxWait: 1 })
    for (let round = 0; round < 5; round += 1) {
      const rush = [single.hash('x'), single.hash('x'), single.hash('x')]
      const outcomes = await Promise.all(rush.map(outcomeOf))
      expect(outcomes).toMatchObject([
        { message: 'failed' },
        { message: 'failed' },
        { name: 'HashQueueFull' },
      ])
    }
    expect(await single.verify(await hash('correct horse'), 'correct horse')).toBe(true)
  })

  test('neither verified nor refused passwords are counted as hashes [T11]', async () => {
    const stored = await hash('x')
    const idle = createHashQueue({ maxParallel: 1, maxWait: 0 })
    await idle.verify(stored, 'x')
    await idle.verify('', 'x')
    expect(idle.hashed).toBe(0)
    await Promise.allSettled([idle.hash('x'), idle.hash('x')])
    expect(idle.hashed).toBe(1)
  })
})
