import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { testServer } from '@/e2e/support/test-database'

/** A product that runs in its own process. */
export type Product = {
  /** Calls the product's code, one call after the other. @throws Error with the product's message */
  call<Result = unknown>(name: string, given?: Record<string, unknown>): Promise<Result>
  stop(): void
}

const commands = {
  '.mjs': [process.execPath],
  // Debian's Python, which finds Debian's packages.
  '.py': ['/usr/bin/python3', '-B'],
  '.php': ['php'],
  '.rb': ['/usr/bin/ruby'],
}

/** @param options what the script gets as JSON in its first argument */
export function startProduct(script: string, options: Record<string, unknown> = {}): Product {
  const [command, ...flags] = commands[path.extname(script) as keyof typeof commands] as [string]
  const child = spawn(command, [...flags, `e2e/peers/products/${script}`, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let noise = ''
  child.stderr.on('data', (chunk: Buffer) => (noise = `${noise}${chunk}`.slice(-4000)))
  // Writing to a process that ended fails; the missing response then throws with the reason.
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async call<Result>(name: string, given: Record<string, unknown> = {}) {
      child.stdin.write(`${JSON.stringify({ call: name, given })}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${script} ended without a response to ${name}: ${noise}`)
      const { result, error } = JSON.parse(value as string) as { result: Result; error?: string }
      if (error !== undefined) throw new Error(`${script} failed at ${name}: ${error}`)
      return result
    },
    stop: () => void child.kill(),
  }
}

const runs = (command: string, args: string[]) => spawnSync(command, args).status === 0

const needs = {
  'better-auth': ['`npm ci` in e2e/peers', () => existsSync('e2e/peers/node_modules/better-auth')],
  'Auth.js': ['`npm ci` in e2e/peers', () => existsSync('e2e/peers/node_modules/@auth/core')],
  Django: [
    'python3-django, python3-psycopg2 and python3-argon2',
    () => runs('/usr/bin/python3', ['-c', 'import django, psycopg2, argon2']),
  ],
  PHP: ['php-cli', () => runs('php', ['-v'])],
  'PHP with Argon2id': [
    'a PHP that has Argon2id',
    () => runs('php', ['-r', "exit(defined('PASSWORD_ARGON2ID') ? 0 : 1);"]),
  ],
  Rails: [
    'ruby-devise, ruby-activemodel and ruby-bcrypt',
    () => runs('/usr/bin/ruby', ['-e', 'require "devise"; require "active_model"; require "bcrypt"']),
  ],
} satisfies Record<string, [string, () => boolean]>

export type ProductName = keyof typeof needs

/** Prints the reason if not. Products need a database server. */
export function isAvailable(product: ProductName): boolean {
  const [packages, isThere] = needs[product]
  const missing =
    testServer === undefined ? 'the server of TEST_DATABASE_URL' : isThere() ? undefined : packages
  if (missing !== undefined) console.warn(`Skipped: the tests of ${product} need ${missing}.`)
  return missing === undefined
}
