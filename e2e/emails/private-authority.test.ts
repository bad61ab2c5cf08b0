import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { linkedDirectory } from '@/e2e/support/linked-directory'
import { startMailSink, type MailSink } from '@/e2e/support/mail-sink'
import { startApp } from '@/e2e/support/running-app'
import { makeSelfSignedCertificate } from '@/e2e/support/self-signed-certificate'
import { createMigratedDatabase, type TestDatabase } from '@/e2e/support/test-database'

const directory = linkedDirectory(/^\.env/)
const certificate = makeSelfSignedCertificate('localhost')
const secret = 'kT9vLm4Wq2Zx7Rb5Ns8Jc3Fg6Hd1Py0A'

let database: TestDatabase
let sink: MailSink
beforeAll(async () => {
  writeFileSync(path.join(directory, 'ca.pem'), certificate.cert)
  writeFileSync(path.join(directory, '.env'), 'SMTP_CA_FILE=ca.pem\nNODE_EXTRA_CA_CERTS=ca.pem\n')
  database = await createMigratedDatabase()
  sink = await startMailSink({ certificate })
})
afterAll(async () => {
  await sink?.close()
  await database?.drop()
  rmSync(directory, { recursive: true, force: true })
})

test('npm start sends emails through a mail server with a certificate of the authority in SMTP_CA_FILE [V6]', async () => {
  const app = await startApp({ cwd: directory, database, sink, env: { SECRET_KEY: secret } })
  try {
    await app.linkFor(await app.addPerson())
  } finally {
    await app.stop()
  }
})

test('npm run worker sends emails with SMTP_CA_FILE and warns that NODE_EXTRA_CA_CERTS in .env has no effect [V6, V5]', async () => {
  const env = { SECRET_KEY: secret, WORKER: 'off' }
  const app = await startApp({ cwd: directory, database, sink, env })
  const worker = spawn(process.execPath, ['scripts/run.js', 'worker'], {
    cwd: directory,
    env: {
      PATH: process.env.PATH,
      SECRET_KEY: secret,
      DATABASE_URL: database.url,
      REKEY_SHARED_SESSION: database.sharedSession ? 'yes' : '',
      PUBLIC_URL: app.url,
      SMTP_URL: sink.url,
      VERIFICATION_FROM_EMAIL: 'no-reply@rekey.example',
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const errors = text(worker.stderr)
  const ended = once(worker, 'exit')
  try {
    await app.linkFor(await app.addPerson())
  } finally {
    worker.kill('SIGTERM')
    await ended
    await app.stop()
  }
  expect(await errors).toMatch(/NODE_EXTRA_CA_CERTS.*SMTP_CA_FILE/)
}, 120_000)
