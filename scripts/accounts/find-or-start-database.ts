import { describeDatabaseUrl } from '@/lib/config/database-url'
import type { SchemaNames } from '@/lib/config/schema-names'
import { readDatabaseSettings, readDataDir, readSchemaNames } from '@/lib/config/command-settings'
import { migrate } from '@/lib/setup/migrate'
import {
  DataDirInUse,
  embeddedDatabaseUrl,
  hasEmbeddedDatabase,
  startEmbeddedDatabase,
} from '@/scripts/embedded-database/embedded-database'
import { Mistake } from './mistake'

/** Returns the database of DATABASE_URL, else the demo's, started and migrated unless it runs. @throws Mistake if there is neither */
export async function findOrStartDatabase(
  ownsUsers: boolean,
): Promise<{ url: string; schemas: SchemaNames; close(): Promise<void> }> {
  if (process.env.DATABASE_URL?.trim()) {
    const { url, schemas, ignored } = readDatabaseSettings(process.env)
    for (const warning of ignored) console.error(warning)
    console.error(`Database: ${describeDatabaseUrl(url)}`)
    return { url, schemas, close: async () => undefined }
  }
  const dataDir = readDataDir(process.env)
  const schemas = readSchemaNames(process.env)
  if (!hasEmbeddedDatabase(dataDir)) {
    throw new Mistake(
      `DATABASE_URL is not set, and there is no demo's database in ${dataDir}; set DATABASE_URL, or set DATA_DIR to the data directory of a demo.`,
    )
  }
  console.error(`Database: the demo's in ${dataDir}`)
  try {
    const embedded = await startEmbeddedDatabase(dataDir)
    await migrate({ url: embedded.url, schemas }, { ownsUsers }).catch(async (error: unknown) => {
      await embedded.close()
      throw error
    })
    return { ...embedded, schemas }
  } catch (error) {
    if (error instanceof DataDirInUse)
      return { url: embeddedDatabaseUrl(dataDir), schemas, close: async () => undefined }
    throw error
  }
}
