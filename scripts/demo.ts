import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import configuration from '@/rekey.config'
import { migrate } from '@/lib/setup/migrate'
import { checkDatabase } from '@/lib/setup/preflight'
import { createServices } from '@/services'
import type { DemoProduct } from '@/lib/config/demo-product'
import { readDataDir } from '@/lib/config/command-settings'
import { readSettings } from '@/lib/config/settings'
import { seed } from '@/prisma/seed'
import { stopOnSignal } from '@/server/processes/stop-signals'
import { startWeb } from '@/server/processes/start-web'
import { startWorker } from '@/server/processes/start-worker'
import { addDemoUsers, demoLogins } from './demo-users/add-demo-users'
import { startEmbeddedDatabase, type EmbeddedDatabase } from './embedded-database/embedded-database'

let stopping = false

/** `npm run demo` and `npm run dev`. */
async function main(): Promise<void> {
  const { env } = process
  const dataDir = readDataDir(env)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  env.LOG_LEVEL ||= 'warn'
  env.SECRET_KEY ||= loadOrCreateSecret(dataDir)

  // Called in reverse order at a signal, which may come during the start.
  const open: ((signal?: NodeJS.Signals) => Promise<unknown>)[] = []
  stopOnSignal(async (signal) => {
    stopping = true
    for (const close of open.reverse()) await close(signal)
  })

  // DATABASE_URL may be a production database: do not migrate it, and keep its emails out of the demo's mailbox.
  let embedded: EmbeddedDatabase | undefined
  if (!env.DATABASE_URL) {
    embedded = await startEmbeddedDatabase(dataDir)
    open.push(embedded.close)
    env.DATABASE_URL = embedded.url
    env.REKEY_SHARED_SESSION = 'yes'
  } else if (!env.SMTP_URL) {
    env.WORKER ||= 'off'
  }
  const settings = readSettings(env)
  for (const warning of settings.ignored) console.error(warning)
  const { demoProduct } = settings
  if (embedded) await migrate(settings.database, { ownsUsers: demoProduct === undefined })
  else await checkDatabase(settings, configuration.users)
  const services = createServices(settings)
  open.push(() => services.database.close())
  if (embedded) await (demoProduct ? addDemoUsers(demoProduct, services) : seed(services))

  const web = await startWeb({ settings, log: services.log, dev: settings.mode === 'dev' })
  open.push(web.close)
  if (settings.worker) open.push(await startWorker(services))
  open.push(async (signal) => services.log.info({ event: 'sys_shutdown', signal }, 'stopping'))
  printSteps(`http://localhost:${web.port}${settings.basePath}`, {
    hasMailbox: services.mailbox !== undefined,
    hasWorker: settings.worker,
    ...(embedded && { dataDir, demoProduct }),
  })
}

function loadOrCreateSecret(dataDir: string): string {
  const file = path.join(dataDir, 'secret-key')
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, randomBytes(48).toString('base64url'), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return readFileSync(file, 'utf8').trim()
}

type StepFacts = {
  hasMailbox: boolean
  hasWorker: boolean
  /** Absent with DATABASE_URL. */
  dataDir?: string
  demoProduct?: DemoProduct | undefined
}

function printSteps(url: string, { hasMailbox, hasWorker, dataDir, demoProduct }: StepFacts): void {
  const isEmbedded = dataDir !== undefined
  const [demo = '', ada = ''] = demoLogins(demoProduct)
  // The tables of Django and better-auth have no column for a language.
  const who = demoProduct ? `"${demo}" or "${ada}"` : `"${demo}" (English) or "${ada}" (German)`
  const verified = `${isEmbedded ? demo : '<username>'}${demoProduct ? ` --users ${demoProduct}` : ''}`
  const steps = [
    `Request a link    ${url}/forgot-password/${isEmbedded ? `   as ${who}` : ''}`,
    ...(hasMailbox && hasWorker ? [`Read the email    ${url}/dev/mailbox/`] : []),
    `Check the result  npm run accounts -- verify ${verified}   (type the new password, then Enter and Ctrl-D)`,
  ]
  const lines = [
    '',
    `  Rekey is running at ${url}`,
    '',
    ...steps.map((step, i) => `  ${i + 1}. ${step}`),
    '',
    ...(hasWorker
      ? []
      : [
          '  No email is sent from here: WORKER=on starts a worker, which processes all jobs that wait in the database.',
          '',
        ]),
    ...(isEmbedded
      ? [`  Its database and emails are in ${dataDir}; Ctrl-C stops it without losing them.`, '']
      : []),
  ]
  console.log(lines.join('\n'))
}

try {
  await main()
} catch (error) {
  // A signal during the start can make the start fail: let the stop finish.
  if (!stopping) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  }
}
