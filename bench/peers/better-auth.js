import { betterAuth } from 'better-auth'
import pg from 'pg'

export const options = {
  database: new pg.Pool({ connectionString: process.env.PEER_DATABASE_URL, max: 10 }),
  baseURL: process.env.PEER_URL ?? 'http://127.0.0.1',
  secret: process.env.PEER_SECRET ?? 'a build reads no secret, and needs some value',
  emailAndPassword: { enabled: true, sendResetPassword: async () => undefined },
  logger: { level: 'error' },
  telemetry: { enabled: false },
}

export const auth = betterAuth(options)
