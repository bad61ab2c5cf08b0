import { lookup } from 'node:dns/promises'
import fc from 'fast-check'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { connectionFailureReason } from '@/lib/database/errors'
import { ignoredParameters } from './database-parameters'
import { postgresUrl, describeDatabaseUrl } from './database-url'

const problemOf = (url: string) => postgresUrl.safeParse(url).error?.issues[0]?.message

function readByPg(url: string) {
  const { user, password, host, port, database } = new pg.Client({ connectionString: url })
  return { user, password, host, port, database }
}

describe('database URLs that libpq accepts [V5]', () => {
  const socket = { user: 'u', host: '/var/run/postgresql', database: 'db' }
  test.each([
    ['postgresql://u@/db?host=/var/run/postgresql', socket],
    [
      'postgresql://u:p@/db?host=%2Fvar%2Frun%2Fpostgresql&port=5433',
      { ...socket, password: 'p', port: 5433 },
    ],
    ['postgresql:///db?host=/var/run/postgresql&user=u', socket],
    ['postgresql://u@%2Fvar%2Frun%2Fpostgresql/db', socket],
    ['postgres://u:p%40ss%2Fw%23%3F%3A%25@h:5433/db', { host: 'h', port: 5433, password: 'p@ss/w#?:%' }],
    ['postgresql://u:a:b@h/db', { host: 'h', password: 'a:b' }],
    ['postgresql://u@tenant:p@h/db', { host: 'h', user: 'u@tenant', password: 'p' }],
    ['postgresql://h/db?user=u%40t&password=a%2Bb', { host: 'h', user: 'u@t', password: 'a+b' }],
    ['postgresql://u@[::1]:5432/db', { host: '::1' }],
    ['postgresql://u@h/db?sslmode=verify-full&application_name=rekey&options=-c%20x.y%3D1', { host: 'h' }],
  ])('the database URL %s is accepted, and pg reads the same from it', (url, expected) => {
    expect(problemOf(url)).toBeUndefined()
    expect(readByPg(url)).toMatchObject(expected)
  })
})

describe('database URLs that are refused [V5]', () => {
  test.each([
    // A password that is not percent-encoded, in all places where it changes the host.
    ['postgresql://postgres:p@zqcanary/w0rd@127.0.0.1/db', '%40'],
    ['postgresql://u:zq/canary@h/db', '%2F'],
    ['postgresql://u:12/zqcanary@h/db', '%2F'],
    ['postgresql://u:12?zqcanary@h/db', '%3F'],
    ['postgresql://u:zq#canary@h/db', '%23'],
    ['postgresql://u@h/db#zqcanary', '%23'],
    ['postgresql://u:zq canary@h/db', '%20'],
    ['postgresql://u:zq%canary%2F@h/db', '%25'],
    ['postgresql://u:zqcanary%00@h/db', '%25'],
    ['postgresql://h/db?password=zq@canary', '%40'],
    ['postgresql://h/db?user=u&password=zq+canary', '%2B'],
    ['postgresql://u:zqcanary@:5433/db', 'postgresql://rekey:'],
    ['postgresql://u:zqcanary@h:x/db', 'postgresql://rekey:'],
    // Not a PostgreSQL URL.
    ['mysql://u:zqcanary@h/db', 'postgresql://rekey:'],
    ['jdbc:postgresql://h/db?password=zqcanary', 'postgresql://rekey:'],
    ['prisma+postgres://h/?api_key=zqcanary', 'postgresql://rekey:'],
    ['host=h password=zqcanary dbname=db', 'postgresql://rekey:'],
    ['postgresql:db', 'postgresql://rekey:'],
    ['/var/run/postgresql zqcanary', 'postgresql://rekey:'],
    // Parts that pg would drop, and so connect elsewhere.
    ['postgresql://u:zqcanary@h1,h2/db', 'write one host'],
    ['postgresql://u:zqcanary@h1:1,h2:2/db', 'write one host'],
    ['postgresql://u:zqcanary@/db?host=h1,h2', 'write one host'],
    ['postgresql://u@h/db?host=a&host=b', 'once'],
    ['postgresql://u@h/db?schema=rekey', 'DATABASE_SCHEMA'],
    ['postgresql://u@h/db?pgbouncer=true&schema=rekey', 'DATABASE_SCHEMA'],
    ['postgresql://u@h/?dbname=db', 'after the host'],
    ['postgresql://u@h/db?ssl=false', 'sslmode=disable'],
    ['postgresql://u@h/db?sslmode=verify_full', 'sslmode=verify-full'],
    ['postgresql://u@h/db?sslmode=allow', 'sslmode=verify-full'],
    ['postgresql://u@h/db?SSLMODE=require', 'remove the ssl'],
    ['postgresql://u@h/db?sslaccept=strict', 'remove the ssl'],
    ['postgresql://u@h/db?port=http', 'parameter port'],
    ['postgresql://u@h/my%40db', 'cannot contain'],
  ])('the database URL %s is refused with the advice "%s" and without its password', (url, advice) => {
    const problem = problemOf(url)
    expect(problem).toContain(advice)
    expect(problem).not.toMatch(/zq|canary/)
  })
})

test('a warning says that a parameter is not used, and names it only if its name is known [V5]', () => {
  const url =
    'postgresql://u@h/db?sslmode=require&application_name=a?b&connection_limit=5&channel_binding=require&pass=zq&canary=&supa=x'
  expect(problemOf(url)).toBeUndefined()
  const warnings = ignoredParameters('MIGRATION_DATABASE_URL', url)
  expect(warnings).toHaveLength(5)
  expect(warnings[0]).toBe(
    'MIGRATION_DATABASE_URL: its parameter connection_limit is not used; set DATABASE_POOL_SIZE instead.',
  )
  expect(warnings.join()).not.toMatch(/zq|canary|supa/)
  expect(ignoredParameters('DATABASE_URL', 'postgresql://u@h/db?sslmode=require')).toEqual([])
})

test('a message shows host, port and database name only if no part of a password can be among them [V5]', () => {
  const shown = (url: string) => describeDatabaseUrl(url, 'MIGRATION_DATABASE_URL')
  expect(shown('postgresql://u:p@db.example.com:5433/rekey?sslmode=disable')).toBe(
    'db.example.com:5433/rekey',
  )
  expect(shown('postgresql://u@/rekey?host=/var/run/postgresql')).toBe('/var/run/postgresql/rekey')
  expect(shown('postgresql://u@h/rekey?host=%3A%3A1&port=1')).toBe('[::1]:1/rekey')
  for (const url of [
    'postgresql://postgres:p@ss/w0rd@127.0.0.1/db',
    'postgresql://u:p@ss@127.0.0.1/db',
    'postgresql://u:12/34@127.0.0.1/db',
    'postgresql://h/db?password=a&host=b',
    'postgresql://u:p@/db',
    'not a URL',
  ])
    expect(shown(url)).toBe('the address in MIGRATION_DATABASE_URL')
})

test('the reason of a failed connection does not contain the name of a host that was not found [V5]', async () => {
  const error = await lookup('zqcanary.invalid').catch((reason: unknown) => reason)
  expect(String(error)).toContain('zqcanary')
  expect(connectionFailureReason(error)).toMatch(/^E[A-Z_]+: the name of its host cannot be resolved$/)
})

test('pg gets any password whole or the URL is refused, and no message contains a part of the password [V5]', () => {
  const special = fc.stringMatching(/^[@/#?:%&+=,;!$'"`\\ \[\]{}()|^~<>.ä€0-9]{0,4}$/)
  const places = [
    (secret: string) => `postgresql://rekey:${secret}@db.example.com/rekey`,
    (secret: string) => `postgresql://rekey:${secret}@db.example.com:5433/rekey?sslmode=disable`,
    (secret: string) => `postgresql://rekey:${secret}@/rekey?host=/var/run/postgresql`,
    (secret: string) => `postgresql://db.example.com/rekey?user=rekey&password=${secret}`,
  ]
  fc.assert(
    fc.property(special, special, special, fc.constantFrom(...places), (before, within, after, urlOf) => {
      const secret = `${before}zqa${within}zqb${after}`
      const url = urlOf(secret)
      const problem = problemOf(url)
      const messages = [problem, describeDatabaseUrl(url), ...ignoredParameters('DATABASE_URL', url)]
      expect(messages.join('\n')).not.toMatch(/zq[ab]/)
      if (problem !== undefined || /%[\da-f]{2}/i.test(secret)) return
      // `&` ends a parameter, which only the names after it can show.
      if (url.includes(`password=${secret}`) && secret.includes('&')) return
      expect(readByPg(url)).toMatchObject({ password: secret, user: 'rekey', database: 'rekey' })
      expect(readByPg(url).host).toMatch(/^(?:db\.example\.com|\/var\/run\/postgresql)$/)
    }),
    { numRuns: 1000 },
  )
})
