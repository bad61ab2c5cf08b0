import { hash as argon2, parseOptions, verify as verifyArgon2 } from '@node-rs/argon2'
import { integerOption } from './integer-option'
import type { PasswordFormat } from './password-format'

export type Argon2Options = {
  /** KiB. */
  memoryCost?: number
  /** The passes over the memory. */
  timeCost?: number
  parallelism?: number
}

/** From OWASP's Password Storage Cheat Sheet (NIST SP 800-63B-4 §3.1.1.2). */
const owasp = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** 7 MiB is the least memory in OWASP's list. The upper bounds also apply to stored hashes, to limit the cost of verifying one. */
const bounds = {
  memoryCost: { min: 7168, max: 262_144 },
  timeCost: { min: 1, max: 20 },
  parallelism: { min: 1, max: 64 },
}

/** Characters: a longer hash has an absurd salt or output. */
const longestStored = 512

const phc =
  /^\$argon2(?:id|i|d)\$(?:v=\d+\$)?m=\d+,t=\d+,p=\d+(?:,[a-z]+=[A-Za-z0-9+/.-]+)*\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/

/** Argon2id as a PHC string; also verifies Argon2i and Argon2d. @throws Error naming an invalid option */
export function argon2id(options: Argon2Options = {}): PasswordFormat {
  const parameters = argon2Parameters('argon2id', options, owasp)
  return {
    name: `argon2id, ${describeArgon2Parameters(parameters)}`,
    matches: isArgon2,
    hash: (password) => argon2(password, parameters),
    verify: verifyArgon2Bounded,
    normalise: (password) => password,
    // The library's salt has 16 bytes.
    longestOutput: phcLength(parameters, 16),
    cost: estimateArgon2Cost(parameters),
  }
}

/** Reads the parameters of Argon2 from the options of a format. @throws Error naming an invalid option */
export function argon2Parameters(
  format: string,
  options: Argon2Options,
  defaults: Required<Argon2Options>,
): Required<Argon2Options> {
  const read = (name: keyof Argon2Options) =>
    integerOption(format, options, name, { ...bounds[name], otherwise: defaults[name] })
  return {
    memoryCost: read('memoryCost'),
    timeCost: read('timeCost'),
    parallelism: read('parallelism'),
  }
}

/** Whether a stored value is a PHC string of any variant of Argon2, up to `longestStored` characters. */
export function isArgon2(stored: string): boolean {
  return stored.length <= longestStored && phc.test(stored)
}

/** Whether a password matches a PHC string of Argon2; false if its parameters are malformed or exceed the bounds. */
export async function verifyArgon2Bounded(password: string, stored: string): Promise<boolean> {
  if (!isArgon2(stored)) return false
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(stored)
    const isBounded =
      memoryCost <= bounds.memoryCost.max &&
      timeCost <= bounds.timeCost.max &&
      parallelism <= bounds.parallelism.max
    return isBounded && (await verifyArgon2(stored, password))
  } catch {
    return false
  }
}

export function describeArgon2Parameters({
  memoryCost,
  timeCost,
  parallelism,
}: Required<Argon2Options>): string {
  return `m=${memoryCost}, t=${timeCost}, p=${parallelism}`
}

export function phcLength(
  { memoryCost, timeCost, parallelism }: Required<Argon2Options>,
  saltBytes: number,
  outputBytes = 32,
): number {
  const head = `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`
  return head.length + unpaddedLength(saltBytes) + 1 + unpaddedLength(outputBytes)
}

function unpaddedLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3)
}

/** A core takes about 0.9 ms for a MiB per pass. */
export function estimateArgon2Cost({
  memoryCost,
  timeCost,
}: Required<Argon2Options>): PasswordFormat['cost'] {
  const mebibytes = memoryCost / 1024
  return { milliseconds: Math.ceil(mebibytes * timeCost * 0.9), mebibytes: Math.ceil(mebibytes) }
}
