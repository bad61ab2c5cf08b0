import { pbkdf2 as pbkdf2WithCallback, randomInt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { hash as argon2 } from '@node-rs/argon2'
import {
  estimateArgon2Cost,
  argon2Parameters,
  isArgon2,
  describeArgon2Parameters,
  phcLength,
  verifyArgon2Bounded,
  type Argon2Options,
} from './argon2id'
import { integerOption } from './integer-option'
import type { PasswordFormat } from './password-format'

// Django hashes a password again at the next sign-in if the parameters of its hash differ from the configured ones (`must_update`).

const pbkdf2 = promisify(pbkdf2WithCallback)

/** The lower bound is the default of Django 2.0. The upper bound also applies to stored hashes, to limit the time of verifying one. */
const iterationBounds = { min: 100_000, max: 10_000_000 }

const pbkdf2Hash = /^pbkdf2_sha256\$([1-9]\d*)\$([^$]{1,128})\$([A-Za-z0-9+/]{43}=)$/

/**
 * Django's default format: `pbkdf2_sha256$ITERATIONS$SALT$HASH`.
 *
 * @param options Django has 600,000 `iterations` in 4.2; 720,000 in 5.0; 870,000 in 5.1; 1,000,000 in 5.2; 1,200,000 in 6.0;
 *   1,500,000 in 6.1
 * @throws Error naming an invalid option
 */
export function djangoPbkdf2(options: { iterations: number }): PasswordFormat {
  const iterations = integerOption('djangoPbkdf2', options, 'iterations', iterationBounds)

  async function hash(password: string): Promise<string> {
    const salt = createSalt()
    const derived = await pbkdf2(password, salt, iterations, 32, 'sha256')
    return `pbkdf2_sha256$${iterations}$${salt}$${derived.toString('base64')}`
  }

  return {
    name: `pbkdf2_sha256, ${iterations} iterations`,
    matches: (stored) => pbkdf2Hash.test(stored),
    hash,
    verify: verifyPbkdf2,
    normalise: (password) => password,
    longestOutput: `pbkdf2_sha256$${iterations}$`.length + saltLength + 1 + 44,
    // A core computes about two million iterations in a second.
    cost: { milliseconds: Math.ceil(iterations / 2000), mebibytes: 1 },
  }
}

async function verifyPbkdf2(password: string, stored: string): Promise<boolean> {
  const [, count, salt, expected] = pbkdf2Hash.exec(stored) ?? []
  const iterations = Number(count)
  if (salt === undefined || expected === undefined || !(iterations <= iterationBounds.max)) return false
  const derived = await pbkdf2(password, salt, iterations, 32, 'sha256')
  return timingSafeEqual(derived, Buffer.from(expected, 'base64'))
}

/** The parameters of Django's `Argon2PasswordHasher`, the same in Django 3.2 to 6.0. */
const argon2Defaults = { memoryCost: 102_400, timeCost: 2, parallelism: 8 }

const argon2Prefix = 'argon2'

export type DjangoArgon2Options = Argon2Options & {
  /** Bytes: `DEFAULT_HASH_LENGTH` of `argon2-cffi`, which is 32 since version 21.2, and 16 before, as in Debian 12. */
  hashLength?: number
}

/** Django's Argon2, which by default takes 100 MiB for a hash. @throws Error naming an invalid option */
export function djangoArgon2(options: DjangoArgon2Options = {}): PasswordFormat {
  const parameters = argon2Parameters('djangoArgon2', options, argon2Defaults)
  const hashLength = integerOption('djangoArgon2', options, 'hashLength', { min: 16, max: 64, otherwise: 32 })

  async function hash(password: string): Promise<string> {
    const salt = Buffer.from(createSalt())
    return argon2Prefix + (await argon2(password, { ...parameters, outputLen: hashLength, salt }))
  }

  return {
    name: `argon2 of Django, ${describeArgon2Parameters(parameters)}${hashLength === 32 ? '' : `, ${hashLength} bytes`}`,
    matches: (stored) => withoutPrefix(stored) !== undefined,
    hash,
    async verify(password, stored) {
      const phc = withoutPrefix(stored)
      return phc !== undefined && verifyArgon2Bounded(password, phc)
    },
    normalise: (password) => password,
    longestOutput: argon2Prefix.length + phcLength(parameters, saltLength, hashLength),
    cost: estimateArgon2Cost(parameters),
  }
}

/** Returns the PHC string after Django's prefix; undefined for any other value. */
function withoutPrefix(stored: string): string | undefined {
  if (!stored.startsWith(argon2Prefix)) return undefined
  const phc = stored.slice(argon2Prefix.length)
  return isArgon2(phc) ? phc : undefined
}

const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** 22 characters, each one of 62, have about 131 bits: just above the 128 that Django requires. */
const saltLength = 22

function createSalt(): string {
  return Array.from({ length: saltLength }, () => alphanumeric[randomInt(alphanumeric.length)]).join('')
}
