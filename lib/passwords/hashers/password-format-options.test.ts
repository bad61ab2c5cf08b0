import { describe, expect, test } from 'vitest'
import { cpuTimeOf } from '@/e2e/support/cpu-time'
import { argon2id } from './argon2id'
import { bcrypt } from './bcrypt'
import { betterAuthScrypt } from './better-auth'
import { djangoArgon2, djangoPbkdf2 } from './django'

test.each([
  argon2id(),
  djangoArgon2(),
  djangoPbkdf2({ iterations: 100_000 }),
  betterAuthScrypt(),
  bcrypt({ cost: 10, version: '2a', pepper: 'of a team '.repeat(13) }),
])(
  'the format $name has a cost for the hash queue, and neither name nor fingerprint contains its pepper',
  (format) => {
    expect(format.cost.milliseconds).toBeGreaterThan(0)
    expect(format.cost.mebibytes).toBeGreaterThan(0)
    expect(format.name).not.toContain('of a team')
    expect(format.fingerprint ?? '').not.toContain('of a team')
  },
)

test('each pepper of bcrypt has its own fingerprint, and bcrypt without a pepper has none [W6]', () => {
  const of = (pepper: string) => bcrypt({ cost: 10, version: '2a', pepper }).fingerprint
  expect(of('one')).toBe(of('one'))
  expect(of('one')).not.toBe(of('two'))
  expect(bcrypt({ cost: 10, version: '2a' }).fingerprint).toBeUndefined()
})

describe('options of formats with a wrong value [W6]', () => {
  const wrong = [undefined, null, NaN, Infinity, 0, -1, 1.5, '12', 2 ** 31, 1e308, {}]
  test.each([
    ['iterations', (value: never) => djangoPbkdf2({ iterations: value })],
    ['memoryCost', (value: never) => argon2id({ memoryCost: value })],
    ['timeCost', (value: never) => argon2id({ timeCost: value })],
    ['parallelism', (value: never) => djangoArgon2({ parallelism: value })],
    ['hashLength', (value: never) => djangoArgon2({ hashLength: value })],
    ['cost', (value: never) => bcrypt({ cost: value, version: '2b' })],
    ['version', (value: never) => bcrypt({ cost: 12, version: value })],
  ] as const)('a wrong value of the option %s throws an error that names it', (name, create) => {
    for (const value of wrong) expect(() => create(value as never)).toThrow(new RegExp(`: ${name} must be`))
  })

  test('missing iterations and too few iterations throw an error', () => {
    expect(() => djangoPbkdf2({} as never)).toThrow('iterations must be')
    expect(() => djangoPbkdf2({ iterations: 1000 })).toThrow('iterations must be')
  })

  test.each([[undefined], [null], [''], [12], ['null \0 within']])(
    'bcrypt refuses the pepper %j',
    (pepper) => {
      expect(() => bcrypt({ cost: 12, version: '2a', pepper: pepper as never })).toThrow('bcrypt: pepper')
    },
  )
})

describe('stored hashes of an absurd cost', () => {
  const [salt, hash] = ['A'.repeat(22), 'A'.repeat(43)]
  test.each([
    ['argon2id', argon2id(), `$argon2id$v=19$m=4194304,t=1,p=1$${salt}$${hash}`],
    ['argon2id', argon2id(), `$argon2id$v=19$m=19456,t=4000000000,p=1$${salt}$${hash}`],
    ['argon2id', argon2id(), `$argon2id$v=19$m=19456,t=2,p=16777215$${salt}$${hash}`],
    ['argon2id', argon2id(), `$argon2id$v=19$m=19456,t=2,p=1$${salt}$${'A'.repeat(4000)}`],
    ['djangoArgon2', djangoArgon2(), `argon2$argon2id$v=19$m=4194304,t=2,p=8$${salt}$${hash}`],
    ['djangoPbkdf2', djangoPbkdf2({ iterations: 100_000 }), `pbkdf2_sha256$2000000000$salt$${hash}=`],
    ['djangoPbkdf2', djangoPbkdf2({ iterations: 100_000 }), `pbkdf2_sha256$${'9'.repeat(400)}$salt$${hash}=`],
    ['bcrypt', bcrypt({ cost: 10, version: '2b' }), `$2b$31$${'A'.repeat(53)}`],
  ])(
    '%s verifies the absurd hash %# as false, without much time or memory',
    async (_name, format, stored) => {
      const before = process.memoryUsage().rss
      const verify = async () => expect(await format.verify('x', stored)).toBe(false)
      expect(await cpuTimeOf(verify, 1000)).toBeLessThan(1000)
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    },
  )
})
