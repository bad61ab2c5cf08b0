import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { settingsSchema } from '@/lib/config/schema'
import { counters, processGauges, scrapeGauges } from '@/lib/metrics/catalogue'
import { mailHealthPath } from '@/server/http/mail-health-endpoint'
import { metricsPath } from '@/server/http/metrics-endpoint'

const documents = ['operations', 'incidents', 'troubleshooting', 'reliability'].map(
  (name) => [`docs/${name}.md`, readFileSync(`docs/${name}.md`, 'utf8')] as const,
)
const files = [...documents, ['compose.yaml', readFileSync('compose.yaml', 'utf8')] as const]
const found = (pattern: RegExp, of: readonly (readonly [string, string])[] = documents) => [
  ...new Set(of.flatMap(([, text]) => [...text.matchAll(pattern)].map((match) => match[1]!))),
]
const sourcesOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.(?:ts|js)$/.test(entry.name))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
    .join('\n')

/** Names of other programs that look like settings of Rekey. */
const foreign = [
  'CERT_HAS_EXPIRED',
  'DATABASE_PASSWORD',
  'POSTGRES_DB',
  'POSTGRES_PASSWORD',
  'POSTGRES_USER',
  'REKEY_LONG',
  'REKEY_OLD_BUILD',
  'TEST_DATABASE_URL',
]

test('every setting in the operators’ documents and compose.yaml exists', () => {
  const named = found(/\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b(?!…)/g, files)
  const [settings] = [Object.keys(settingsSchema.shape)]
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((name) => !settings.includes(name) && !foreign.includes(name))).toEqual([])
})

test('every command and option in the operators’ documents exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const commands = found(/npm run ([a-z:]+)/g)
  expect(commands.filter((name) => scripts[name] === undefined)).toEqual([])
  const entry = readFileSync('scripts/run.js', 'utf8')
  const inImage = found(/scripts\/run\.js[ ,']+([a-z]+)/g, files)
  expect(inImage).toContain('migrate')
  for (const name of inImage) expect(entry).toContain(`  ${name}: {`)

  const accounts = sourcesOf('scripts/accounts') + readFileSync('scripts/accounts.ts', 'utf8')
  const subcommands = found(/npm run accounts -- ([a-z-]+)/g)
  expect(subcommands.length).toBeGreaterThan(6)
  for (const name of subcommands) expect(accounts).toMatch(new RegExp(`^  ${name}\\b`, 'm'))
  for (const option of found(/npm run accounts --[^\n`]*? (--[a-z-]+)/g)) expect(accounts).toContain(option)
  const doctor = readFileSync('scripts/doctor.ts', 'utf8')
  for (const option of found(/npm run doctor -- (--[a-z-]+)/g)) expect(doctor).toContain(option)
})

test('every metric, alert and health check in the operators’ documents exists', () => {
  const metrics = [
    ...Object.keys(counters).map((name) => `rekey_${name}_total`),
    ...Object.keys({ ...processGauges, ...scrapeGauges }).map((name) => `rekey_${name}`),
    // The names of a role and a schema.
    'rekey_app',
    'rekey_queue',
  ]
  expect(found(/\b(rekey_\w+)/g).filter((name) => !metrics.includes(name))).toEqual([])
  const alerts = readFileSync('docs/alerts.yml', 'utf8')
  for (const name of found(/\b(Rekey[A-Z]\w+)/g)) expect(alerts).toContain(`- alert: ${name}\n`)
  const served = [mailHealthPath, metricsPath]
  for (const address of found(/(?<!\w)(\/api\/health\/\w+|\/api\/metrics)/g))
    expect(served.includes(address) || existsSync(`app${address}/route.ts`)).toBe(true)
})

test('every log event in the operators’ documents exists', () => {
  const sources = ['lib', 'server', 'scripts'].map(sourcesOf).join('\n')
  const events = [
    ...found(/"event":"(\w+)"/g),
    ...found(/`([a-z]+(?:_[a-z]+)+)`/g).filter((name) => !/^(?:pg|rekey|synchronous)_/.test(name)),
  ]
  expect(events.length).toBeGreaterThan(15)
  expect(events.filter((event) => !new RegExp(`['"]${event}['"]`).test(sources))).toEqual([])
})

test('every file and link in the operators’ documents exists', () => {
  expect(found(/`((?:e2e|lib|scripts)\/[\w./-]+)`/g).filter((file) => !existsSync(file))).toEqual([])
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
  for (const [file, text] of documents)
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [name, anchor] = link!.split('#')
      const target = name === '' ? file : path.join('docs', name!)
      expect([file, link, existsSync(target)]).toEqual([file, link, true])
      if (anchor) expect([link, ...anchors(readFileSync(target, 'utf8'))]).toContain(anchor)
    }
})

test('containers in the operators’ documents get more than 30 seconds to stop', () => {
  const grace = found(/(?:stop_grace_period|terminationGracePeriodSeconds): (\d+)/g, files)
  expect(grace.length).toBeGreaterThan(1)
  for (const seconds of grace) expect(Number(seconds)).toBeGreaterThan(30)
})
