import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { defaultSchemaNames } from '@/lib/config/schema-names'
import { migrate } from '@/lib/setup/migrate'
import { startEmbeddedDatabase } from '@/scripts/embedded-database/embedded-database'
import { databaseUrl, onServer, templateVariable, testServer } from './test-database'

/** Makes the databases that tests copy, because a copy takes much less time. Returns the function that removes them. */
export default async function makeTemplate(): Promise<() => Promise<void>> {
  return testServer ? makeOnServer(testServer) : makeEmbedded()
}

async function makeEmbedded(): Promise<() => Promise<void>> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rekey-template-'))
  const [empty, migrated] = [path.join(dir, 'empty'), path.join(dir, 'migrated')]
  await (await startEmbeddedDatabase(empty)).close()
  cpSync(empty, migrated, { recursive: true })
  const { url, close } = await startEmbeddedDatabase(migrated)
  await migrate({ url, schemas: defaultSchemaNames })
  await close()
  process.env[templateVariable] = dir
  return async () => rmSync(dir, { recursive: true, force: true })
}

async function makeOnServer(server: string): Promise<() => Promise<void>> {
  const name = `rekey_template_${randomBytes(6).toString('hex')}`
  await onServer(server, `CREATE DATABASE "${name}"`)
  await migrate({ url: databaseUrl(server, name), schemas: defaultSchemaNames })
  process.env[templateVariable] = name
  return () => onServer(server, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
}
