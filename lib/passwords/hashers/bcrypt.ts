import { createHmac } from 'node:crypto'
import { hash as bcryptHash, verify as bcryptVerify } from '@node-rs/bcrypt'
import { integerOption } from './integer-option'
import type { PasswordFormat } from './password-format'

const versions = ['2a', '2b', '2y'] as const

type BcryptOptions = {
  /** Devise's `stretches`, Laravel's `rounds`: each one more doubles the time. */
  cost: number
  /** Laravel needs `2y`: PHP's `password_get_info` recognises no other version as bcrypt. Devise and Rails write `2a`. */
  version: (typeof versions)[number]
  /** Devise's `config.pepper`. */
  pepper?: string
}

/** OWASP's minimum is 10. The upper bound, about five seconds, also applies to stored hashes. */
const costBounds = { min: 10, max: 16 }

const modular = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/

/** Bytes: bcrypt ignores further ones. */
const longestPassword = 72

/**
 * bcrypt. Verifies `2a`, `2b` and `2y`, which differ only in name; not `2x`, which hashes differently. `@node-rs/bcrypt` writes `2b`, and
 * stays at 1.10.8, because newer versions lack the binaries of some platforms.
 *
 * As in Devise, bcrypt uses the first 72 bytes of password and pepper together: the pepper has no effect on a password of 72 bytes.
 *
 * @throws Error naming an invalid option
 */
export function bcrypt(options: BcryptOptions): PasswordFormat {
  const cost = integerOption('bcrypt', options, 'cost', costBounds)
  const version = readVersion(options)
  const pepper = readPepper(options)

  async function hash(password: string): Promise<string> {
    if (Buffer.byteLength(password) > longestPassword) throw new Error('bcrypt would cut the password')
    // C libraries end a password at a null character.
    if (password.includes('\0')) throw new Error('bcrypt takes no null character')
    const written = await bcryptHash(password + pepper, cost)
    return `$${version}${written.slice('$2b'.length)}`
  }

  /** Verifies only the first 72 bytes of password and pepper, as the product's sign-in does. */
  async function verify(password: string, stored: string): Promise<boolean> {
    const [, storedCost] = modular.exec(stored) ?? []
    if (!(Number(storedCost) <= costBounds.max) || password.includes('\0')) return false
    return bcryptVerify(password + pepper, stored).catch(() => false)
  }

  return {
    name: `bcrypt ${version}, cost ${cost}${pepper === '' ? '' : ', with a pepper'}`,
    matches: (stored) => modular.test(stored),
    hash,
    verify,
    normalise: (password) => password,
    longestOutput: 60,
    limit: { count: longestPassword, unit: 'bytes' },
    // A core takes about 290 ms for cost 12.
    cost: { milliseconds: Math.ceil(2 ** cost * 0.07), mebibytes: 1 },
    ...(pepper !== '' && { fingerprint: hashPepper(pepper) }),
  }
}

function readVersion({ version }: BcryptOptions): BcryptOptions['version'] {
  if (versions.includes(version)) return version
  throw new Error(`bcrypt: version must be one of ${versions.join(', ')}, and is ${String(version)}`)
}

/** Returns '' without a pepper. The messages of its errors do not contain the pepper. */
function readPepper(options: BcryptOptions): string {
  if (!Object.hasOwn(options, 'pepper')) return ''
  const { pepper } = options
  if (typeof pepper !== 'string' || pepper === '')
    throw new Error(`bcrypt: pepper is ${pepper === '' ? 'empty' : `no text but ${typeof pepper}`}`)
  if (pepper.includes('\0')) throw new Error('bcrypt: pepper has a null character')
  return pepper
}

function hashPepper(pepper: string): string {
  return createHmac('sha256', pepper).update('rekey bcrypt pepper v1').digest('base64url')
}
