import { hash as argon2, parseOptions } from '@node-rs/argon2'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { Busy, createPasswordHash } from './hash-queue'

const { hash, verify } = createPasswordHash()

describe('hashes', () => {
  test('P9: Argon2id with 19 MiB, two passes, one lane, and a salt of its own', async () => {
    const [one, other] = await Promise.all([hash('correct horse'), hash('correct horse')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(parseOptions(one)).toMatchObject({ saltLen: 16, outputLen: 32 })
    expect(one).not.toBe(other)
    expect(await verify(one, 'correct horse')).toBe(true)
    expect(await verify(other, 'correct horse')).toBe(true)
  })

  test('P2, P4: what was hashed is the whole password as it was received', async () => {
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
      ...fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 256 }), isLong ? 10_000 : 20),
    ]
    const roundTrip = async (password: string) => {
      const phc = await hash(password)
      expect(await verify(phc, password)).toBe(true)
      expect(await verify(phc, Array.from(password).slice(0, -1).join(''))).toBe(false)
      expect(await verify(phc, `${password}a`)).toBe(false)
    }
    while (passwords.length > 0) await Promise.all(passwords.splice(0, 12).map(roundTrip))
  }, 3_600_000)

  test('P5: another spelling of the same letters is another password', async () => {
    expect(await verify(await hash('\u00e9'), 'e\u0301')).toBe(false)
  })

  test('Argon2 hashes of other makes and costs are verified', async () => {
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
  ])('what is no Argon2 hash, such as %j, fits no password', async (phc) => {
    expect(await verify(phc, 'correct horse')).toBe(false)
    expect(await verify(phc, '')).toBe(false)
  })
})

describe('F14: load', () => {
  /** Settles whatever is pending that needs no thread. */
  const settle = () => new Promise((resolve) => setImmediate(resolve))

  test('beyond those who run and those who wait, everybody is told at once to come back', async () => {
    const small = createPasswordHash({ maxParallel: 2, maxWaiting: 3 })
    const all = Array.from({ length: 20 }, () =>
      small.hash('correct horse').then(
        (phc) => phc,
        (error: unknown) => error,
      ),
    )
    await settle()
    expect(small.hashed).toBe(2)

    const outcomes = await Promise.all(all)
    expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(5)
    expect(outcomes.filter((outcome) => outcome instanceof Busy)).toHaveLength(15)
    expect(small.hashed).toBe(5)
  })

  test('no more run at a time than allowed, and all who wait get their turn, in order', async () => {
    const single = createPasswordHash({ maxParallel: 1, maxWaiting: 10 })
    const finished: number[] = []
    const all = Array.from({ length: 8 }, (_, index) => single.hash('x').then(() => finished.push(index)))
    for (let done = 0; done < 8; done += 1) {
      await all[done]
      expect(single.hashed).toBeLessThanOrEqual(done + 2)
    }
    expect(finished).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('a place is free again after work that failed, and after a rush', async () => {
    const single = createPasswordHash({ maxParallel: 1, maxWaiting: 1 })
    for (let round = 0; round < 5; round += 1) {
      const rush = await Promise.allSettled([
        single.verify('$argon2id$broken', 'x'),
        single.verify('$argon2id$broken', 'x'),
        single.verify('$argon2id$broken', 'x'),
      ])
      expect(rush.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    }
    expect(await single.verify(await single.hash('correct horse'), 'correct horse')).toBe(true)
  })

  test('T11: checking a hash is not counted as making one, and neither is being turned away', async () => {
    const idle = createPasswordHash({ maxParallel: 1, maxWaiting: 0 })
    await idle.verify('$argon2id$broken', 'x')
    await idle.verify('', 'x')
    expect(idle.hashed).toBe(0)
    await Promise.allSettled([idle.hash('x'), idle.hash('x')])
    expect(idle.hashed).toBe(1)
  })

  test('memory stays bounded while two hundred ask at once', async () => {
    const { hash } = createPasswordHash()
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5)
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => hash('correct horse')))
    clearInterval(watch)
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(100)
    expect(most - before).toBeLessThan(200 * 1024 * 1024)
  }, 60_000)
})
