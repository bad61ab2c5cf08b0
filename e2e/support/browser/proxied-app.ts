import { startDatabaseProxy, type DatabaseProxy } from '@/e2e/support/database-proxy'
import { startApp, type RunningApp } from '@/e2e/support/running-app'
import { createMigratedDatabase } from '@/e2e/support/test-database'
import { test as journey } from './journey'

/** An app that reaches its database through a proxy, which can cut it off. */
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

/** How many links the app below allows to be requested for one login. */
export const requestsPerLogin = 3

/** Browser tests on an app that can be led into every state: its limits are low, and its database can be cut off. */
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
