import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { migrate } from '@/lib/setup/migrate'
import { checkDatabase } from '@/lib/setup/preflight'
import { createServices } from '@/services'
import { readDataDir, readSettings } from '@/lib/config/settings'
import { seed } from '@/prisma/seed'
import { stopOnSignal } from '@/server/processes/stop-signals'
import { startWeb } from '@/server/processes/start-web'
import { startWorker } from '@/server/processes/start-worker'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded-database/embedded-database'

let stopping = false

/** `npm run demo` and `npm run dev`: everything in one process, on a database of its own where none is named. */
async function main(): Promise<void> {
  const { env } = process
  const dataDir = readDataDir(env)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  env.LOG_LEVEL ||= 'warn'
  env.SECRET_KEY ||= loadOrCreateSecret(dataDir)

  // What is open, in the order in which it was opened. A signal during the start closes what there is by then.
  const open: ((signal?: NodeJS.Signals) => Promise<unknown>)[] = []
  stopOnSignal(async (signal) => {
    stopping = true
    for (const close of open.reverse()) await close(signal)
  })

  // A database that somebody named may be a real one: it is not migrated, the demo's people stay out of it, and the letters
  // that wait in it do not end in the demo's mailbox.
  let embedded: EmbeddedDatabase | undefined
  if (!env.DATABASE_URL) {
    embedded = await startEmbeddedDatabase(dataDir)
    open.push(embedded.close)
    env.DATABASE_URL = embedded.url
  } else if (!env.SMTP_URL) {
    env.WORKER ||= 'off'
  }
  const settings = readSettings(env)
  for (const warning of settings.ignored) console.error(warning)
  if (embedded) await migrate(settings.database)
  else await checkDatabase(settings)
  const services = createServices(settings)
  open.push(() => services.database.close())
  if (embedded) await seed(services)

  const web = await startWeb({ settings, log: services.log, dev: settings.mode === 'dev' })
  open.push(web.close)
  if (settings.worker) open.push(await startWorker(services))
  open.push(async (signal) => services.log.info({ event: 'sys_shutdown', signal }, 'stopping'))
  sayWhereToClick(`http://localhost:${web.port}${settings.basePath}`, {
    hasMailbox: services.mailbox !== undefined,
    writes: settings.worker,
    ...(embedded && { dataDir }),
  })
}

/** The secret that signs the demo's links, made once and kept with its data. */
function loadOrCreateSecret(dataDir: string): string {
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
  // What is closed during the start fails; the stop goes on.
  if (!stopping) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
