import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase } from '@/e2e/support/test-database'
import { test as journey } from './journey'

/** An app whose database can go away. */
export type FragileApp = { app: RunningApp; proxy: DatabaseProxy; stop(): Promise<void> }

export async function startFragileApp(env: Record<string, string>): Promise<FragileApp> {
  const database = await createMigratedDatabase()
  const proxy = await startDatabaseProxy(database)
  const app = await startApp({ database, env: { DATABASE_URL: proxy.database.url, ...env } })
  return {
    app,
    proxy,
    async stop() {
      await app.stop()
      await proxy.close()
      await database.drop()
    },
  }
}

/** How often the strained app lets one login be asked for. */
export const requestsPerLogin = 3

/** Journeys on an app that can be brought into every state there is: its patience ends soon, and so may its database. */
export const test = journey.extend<object, { fragile: FragileApp }>({
  fragile: [
    async ({ otherSite }, provide) => {
      const fragile = await startFragileApp({
        SIGN_IN_URL: otherSite.url,
        SUPPORT_EMAIL: 'Help desk <help@rekey.example>',
        LIMIT_REQUESTS_PER_LOGIN: `${requestsPerLogin}/10m`,
        EMAIL_COOLDOWN: '60s',
      })
      await provide(fragile)
      await fragile.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  app: [async ({ fragile }, provide) => provide(fragile.app), { scope: 'worker' }],
})
