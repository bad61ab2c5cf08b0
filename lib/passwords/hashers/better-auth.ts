import {
  randomBytes,
  scrypt as scryptWithCallback,
  timingSafeEqual,
  type BinaryLike,
  type ScryptOptions,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { PasswordFormat } from './password-format'

const scrypt = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scryptWithCallback)

/** A hash takes 32 MiB and a few KiB, which is above Node's default limit of 32 MiB (`maxmem`). */
const parameters = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }

const stored16And64Bytes = /^([0-9a-f]{32}):([0-9a-f]{128})$/i

/**
 * better-auth's default format, `SALT:KEY` in hexadecimal. scrypt gets the salt as this text, not as the bytes that it encodes. better-auth
 * rejects a new password above 128 UTF-16 units (`maxPasswordLength`).
 */
export function betterAuthScrypt(): PasswordFormat {
  return {
    name: 'scrypt of better-auth, N=16384, r=16, p=1',
    matches: (stored) => stored16And64Bytes.test(stored),
    async hash(password) {
      const salt = randomBytes(16).toString('hex')
      return `${salt}:${(await derive(password, salt)).toString('hex')}`
    },
    async verify(password, stored) {
      const [, salt, key] = stored16And64Bytes.exec(stored) ?? []
      if (salt === undefined || key === undefined) return false
      return timingSafeEqual(await derive(password, salt), Buffer.from(key, 'hex'))
    },
    normalise,
    longestOutput: 161,
    limit: { count: 128, unit: 'utf16' },
    cost: { milliseconds: 200, mebibytes: 32 },
  }
}

function normalise(password: string): string {
  return password.normalize('NFKC')
}

function derive(password: string, salt: string): Promise<Buffer> {
  return scrypt(normalise(password), salt, 64, parameters)
}
