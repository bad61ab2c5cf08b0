import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { admin, username } from 'better-auth/plugins'
import pg from 'pg'
import { serve, versionOf } from './serve.mjs'

const { url, schema, plugins } = JSON.parse(process.argv[2])
// As its documentation moves its tables to another schema.
const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}`, max: 2 })
const options = {
  database: pool,
  baseURL: 'http://localhost:4000',
  secret: 'a secret of this test and of nothing else',
  emailAndPassword: {
    enabled: true,
    // Its own reset link is only stored, not mailed.
    sendResetPassword: async () => undefined,
  },
  plugins: plugins ? [admin(), username()] : [],
  logger: { level: 'error' },
  telemetry: { enabled: false },
}
const auth = betterAuth(options)

/** @param {Response} response */
const outcomeOf = (response) => ({
  status: response.status,
  cookie: response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; '),
})

serve({
  version: () => versionOf('better-auth'),
  async migrate() {
    const { runMigrations } = await getMigrations(options)
    await runMigrations()
  },
  async signUp(body) {
    const { user } = await auth.api.signUpEmail({ body })
    return user.id
  },
  signIn: async (body) => outcomeOf(await auth.api.signInEmail({ body, asResponse: true })),
  signInByName: async (body) => outcomeOf(await auth.api.signInUsername({ body, asResponse: true })),
  async readSession({ cookie }) {
    const session = await auth.api.getSession({ headers: new Headers({ cookie }) })
    return session?.user.id ?? null
  },
  requestReset: async ({ email }) =>
    outcomeOf(await auth.api.requestPasswordReset({ body: { email }, asResponse: true })),
  async ban({ id }) {
    const { internalAdapter } = await auth.$context
    await internalAdapter.updateUser(id, { banned: true })
  },
  async addSocialAccount({ email }) {
    const { internalAdapter } = await auth.$context
    const { user } = await internalAdapter.createOAuthUser(
      { email, name: 'Social', emailVerified: true },
      { providerId: 'google', accountId: email },
    )
    return user.id
  },
})
