import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase } from '@/e2e/support/test-database'
import { test as journey } from './journey'

export type ProxiedApp = { app: RunningApp; proxy: DatabaseProxy; stop(): Promise<void> }

export async function startProxiedApp(env: Record<string, string>): Promise<ProxiedApp> {
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

export const requestsPerLogin = 3

/** The app's limits are low, and its database can be cut off, so that tests can reach every state. */
export const test = journey.extend<object, { proxied: ProxiedApp }>({
  proxied: [
    async ({ otherSite }, provide) => {
      const proxied = await startProxiedApp({
        SIGN_IN_URL: otherSite.url,
        SUPPORT_EMAIL: 'Help desk <help@rekey.example>',
        LIMIT_REQUESTS_PER_LOGIN: `${requestsPerLogin}/10m`,
        EMAIL_COOLDOWN: '60s',
      })
      await provide(proxied)
      await proxied.stop()
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  app: [async ({ proxied }, provide) => provide(proxied.app), { scope: 'worker' }],
})
