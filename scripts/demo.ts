import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { checkDatabase } from '@/lib/db'
import { migrate } from '@/lib/migrations'
import { createServices } from '@/lib/services'
import { readDataDir, readSettings } from '@/lib/settings'
import { seed } from '@/prisma/seed'
import { startWeb } from '@/server/web'
import { startWorker } from '@/server/work'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded-database/embedded-database'

/** `npm run demo` and `npm run dev`: everything in one process, on a database of its own where none is named. */
async function main(): Promise<void> {
  const { env } = process
  const dataDir = readDataDir(env)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  env.LOG_LEVEL ||= 'warn'
  env.SECRET_KEY ||= keptSecret(dataDir)

  // A database that somebody named may be a real one: it is not migrated, the demo's people stay out of it, and the letters
  // that wait in it do not end in the demo's mailbox.
  let embedded: EmbeddedDatabase | undefined
  if (!env.DATABASE_URL) {
    embedded = await startEmbeddedDatabase(dataDir)
    env.DATABASE_URL = embedded.url
  } else if (!env.SMTP_URL) {
    env.WORKER ||= 'off'
  }
  const settings = readSettings(env)
  if (embedded) await migrate(embedded.url)
  else await checkDatabase(settings)
  const services = createServices(settings)
  if (embedded) await seed(services)

  const web = await startWeb({ settings, log: services.log, dev: settings.mode === 'dev' })
  const stopWorker = settings.worker ? await startWorker(services) : undefined
  sayWhereToClick(`http://localhost:${web.port}${settings.basePath}`, {
    hasMailbox: services.mailbox !== undefined,
    writes: settings.worker,
    ...(embedded && { dataDir }),
  })

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    await web.close()
    await stopWorker?.()
    await services.database.close()
    await embedded?.close()
    process.exit(0)
  }
  process.on('SIGINT', () => void stop())
  process.on('SIGTERM', () => void stop())
}

/** The secret that signs the demo's links, made once and kept with its data. */
function keptSecret(dataDir: string): string {
  const file = path.join(dataDir, 'secret-key')
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, randomBytes(48).toString('base64url'), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return readFileSync(file, 'utf8').trim()
}

/** `dataDir`: where the embedded database is, in which the demo's people are. */
function sayWhereToClick(
  url: string,
  { hasMailbox, writes, dataDir }: { hasMailbox: boolean; writes: boolean; dataDir?: string },
): void {
  const own = dataDir !== undefined
  const steps = [
    `Ask for a link    ${url}/forgot-password/${own ? '   as "demo" (English) or "ada" (German)' : ''}`,
    ...(hasMailbox && writes ? [`Read the letter   ${url}/dev/mailbox/`] : []),
    `Check the result  npm run accounts -- verify ${own ? 'demo' : '<username>'}   (type the new password, then Enter and Ctrl-D)`,
  ]
  const lines = [
    '',
    `  Rekey is running at ${url}`,
    '',
    ...steps.map((step, i) => `  ${i + 1}. ${step}`),
    '',
    ...(writes
      ? []
      : [
          '  No letter is written here: WORKER=on starts a worker, which takes every job that waits in the database.',
          '',
        ]),
    ...(own
      ? [`  Its database and letters are in ${dataDir}; Ctrl-C stops it, and nothing is lost.`, '']
      : []),
  ]
  console.log(lines.join('\n'))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
