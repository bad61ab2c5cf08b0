import { parseOptions } from '@node-rs/argon2'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isLong } from '@/e2e/support/long-form'
import { argon2id } from './argon2id'
import { bcrypt } from './bcrypt'
import { betterAuthScrypt } from './better-auth'
import { djangoArgon2, djangoPbkdf2 } from './django'
import type { PasswordFormat } from './password-format'

const small = { memoryCost: 7168, timeCost: 1 }
const formats: [string, PasswordFormat][] = [
  ['argon2id', argon2id(small)],
  ['djangoArgon2', djangoArgon2(small)],
  ['djangoPbkdf2', djangoPbkdf2({ iterations: 100_000 })],
  ['betterAuthScrypt', betterAuthScrypt()],
  ['bcrypt', bcrypt({ cost: 10, version: '2y' })],
  ['bcrypt with a pepper', bcrypt({ cost: 10, version: '2a', pepper: 'of a team '.repeat(13) })],
]

describe.each(formats)('the format %s', (_name, format) => {
  test('a hash is recognised by its format, fits only its password, and has the stated length', async () => {
    const stored = await format.hash('correct horse')
    expect(format.matches(stored)).toBe(true)
    expect(stored).toHaveLength(format.longestOutput)
    expect(await format.verify('correct horse', stored)).toBe(true)
    for (const other of ['correct hors', 'correct horse ', ''])
      expect(await format.verify(other, stored)).toBe(false)
  })

  test('two hashes of one password differ', async () => {
    expect(await format.hash('correct horse')).not.toBe(await format.hash('correct horse'))
  })

  test('a hash is recognised by no other format', async () => {
    const stored = await format.hash('correct horse')
    const others = formats.filter(([, one]) => one.matches(stored)).map(([name]) => name.split(' ')[0])
    expect(new Set(others).size).toBe(1)
  })

  test('all characters of a password count, up to the limit of the format', async () => {
    const bytes = format.limit?.unit === 'bytes' ? format.limit.count : Infinity
    const passwords = [
      ...['a'.repeat(72), '😀'.repeat(18), '😀'.repeat(256), 'Zażółć gęślą jaźń'],
      ...fc.sample(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), isLong ? 1000 : 2),
    ].filter((password) => Buffer.byteLength(password) <= bytes && !password.includes('\0'))
    for (const password of passwords) {
      const stored = await format.hash(password)
      expect(await format.verify(password, stored)).toBe(true)
      expect(await format.verify(Array.from(password).slice(0, -1).join(''), stored)).toBe(false)
    }
  })

  test('a password is not cut at a null character', async () => {
    const stored = await format.hash('correct')
    expect(await format.verify('correct\0horse', stored)).toBe(false)
    const withNull = await format.hash('correct\0horse').catch(() => undefined)
    if (withNull !== undefined) expect(await format.verify('correct\0mouse', withNull)).toBe(false)
  })

  test('the hash is of the normalised password', async () => {
    const stored = await format.hash('ﬁne e\u0301')
    expect(await format.verify(format.normalise('ﬁne e\u0301'), stored)).toBe(true)
    expect(await format.verify('fine é', stored)).toBe(format.normalise('ﬁne e\u0301') === 'fine é')
  })

  test('a hash that was cut, extended or changed fits no password and throws no error', async () => {
    const stored = await format.hash('correct horse')
    const broken = [
      ...['', stored.slice(0, -1), `${stored}A`, ` ${stored}`, `${stored}\n`, stored.replace(/\d+/, '')],
      ...['\0', '!unusable', 'correct horse', stored.slice(0, 12), 'x'.repeat(100_000), stored.repeat(50)],
    ]
    for (const value of broken)
      expect([value, await format.verify('correct horse', value)]).toEqual([value, false])
  })

  test('no random text is recognised as a hash or fits a password', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
        expect(format.matches(text)).toBe(false)
        expect(await format.verify('x', text)).toBe(false)
      }),
    )
  })
})

describe('the written hashes', () => {
  test('Argon2id is written with the given parameters, else with OWASP’s [W6]', async () => {
    expect(parseOptions(await argon2id().hash('x'))).toMatchObject({
      ...{ algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, saltLen: 16, outputLen: 32 },
    })
    const laravel = argon2id({ memoryCost: 65_536, timeCost: 4, parallelism: 1 })
    expect(await laravel.hash('x')).toMatch(/^\$argon2id\$v=19\$m=65536,t=4,p=1\$/)
    expect(await argon2id({ timeCost: 3 }).hash('x')).toMatch(/^\$argon2id\$v=19\$m=19456,t=3,p=1\$/)
  })

  test('Django’s Argon2 is written with Django’s default parameters and a salt of 22 letters and digits [W6]', async () => {
    const stored = await djangoArgon2().hash('x')
    expect(stored).toMatch(/^argon2\$argon2id\$v=19\$m=102400,t=2,p=8\$/)
    const salt = Buffer.from(stored.split('$')[4]!, 'base64').toString()
    expect(salt).toMatch(/^[A-Za-z0-9]{22}$/)
  })

  test('Django’s Argon2 is written with the given length of the hash, which depends on argon2-cffi [W6]', async () => {
    const format = djangoArgon2({ ...small, hashLength: 16 })
    const stored = await format.hash('x')
    expect(Buffer.from(stored.split('$').at(-1)!, 'base64')).toHaveLength(16)
    expect(stored).toHaveLength(format.longestOutput)
    expect(await format.verify('x', stored)).toBe(true)
    expect(format.name).not.toBe(djangoArgon2(small).name)
  })

  test('Django’s PBKDF2 is written with the given iterations and a salt of 22 letters and digits [W6]', async () => {
    const stored = await djangoPbkdf2({ iterations: 260_000 }).hash('x')
    expect(stored).toMatch(/^pbkdf2_sha256\$260000\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{43}=$/)
  })

  test.each(['2a', '2b', '2y'] as const)(
    'bcrypt is written with version %s and the given cost, and other versions of it are verified [W6]',
    async (version) => {
      const format = bcrypt({ cost: 11, version })
      const stored = await format.hash('x')
      expect(stored.slice(0, 7)).toBe(`$${version}$11$`)
      for (const other of ['2a', '2b', '2y'])
        expect(await format.verify('x', stored.replace(version, other))).toBe(true)
      expect(format.matches(stored.replace(version, '2x'))).toBe(false)
    },
  )
})

describe('the 72 bytes of bcrypt', () => {
  test('bcrypt does not hash a password of more than 72 bytes [P2]', async () => {
    const format = bcrypt({ cost: 10, version: '2b' })
    await expect(format.hash('a'.repeat(73))).rejects.toThrow('cut')
    await expect(format.hash('é'.repeat(37))).rejects.toThrow('cut')
  })

  test('a stored bcrypt hash of a password that was cut at 72 bytes is verified as the product does', async () => {
    const format = bcrypt({ cost: 10, version: '2a' })
    const stored = await format.hash('a'.repeat(72))
    expect(await format.verify('a'.repeat(100), stored)).toBe(true)
  })

  test('of password and pepper together, bcrypt hashes the first 72 bytes, as Devise does', async () => {
    const pepper = 'p'.repeat(128)
    const [peppered, plain] = [
      bcrypt({ cost: 10, version: '2a', pepper }),
      bcrypt({ cost: 10, version: '2a' }),
    ]
    expect(await plain.verify(`correct horse${pepper}`, await peppered.hash('correct horse'))).toBe(true)
    expect(await plain.verify('a'.repeat(72), await peppered.hash('a'.repeat(72)))).toBe(true)
    expect(await plain.verify('a'.repeat(71), await peppered.hash('a'.repeat(71)))).toBe(false)
  })
})
