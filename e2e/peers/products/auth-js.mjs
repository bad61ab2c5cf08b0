// Auth.js with the Credentials provider and `authorize` as tutorials write it, on a table of Prisma's shape.
import { Auth, skipCSRFCheck } from '@auth/core'
import Credentials from '@auth/core/providers/credentials'
import bcrypt from 'bcrypt'
import bcryptjs from 'bcryptjs'
import pg from 'pg'
import { serve } from './serve.mjs'

const { url, library } = JSON.parse(process.argv[2])
const { compare, hash } = library === 'bcrypt' ? bcrypt : bcryptjs
const pool = new pg.Pool({ connectionString: url, max: 1 })
const config = {
  basePath: '/auth',
  secret: 'a secret of this test and of nothing else',
  trustHost: true,
  skipCSRFCheck,
  logger: { error: () => undefined },
  providers: [
    Credentials({
      credentials: { email: {}, password: {} },
      async authorize({ email, password }) {
        const { rows } = await pool.query('SELECT "id", "email", "password" FROM "User" WHERE "email" = $1', [
          email,
        ])
        const [user] = rows
        if (!user?.password || !(await compare(password, user.password))) return null
        return { id: user.id, email: user.email }
      },
    }),
  ],
}

serve({
  async signUp({ id, email, password }) {
    await pool.query(
      'INSERT INTO "User" ("id", "name", "email", "password", "updatedAt") VALUES ($1, $1, $2, $3, now())',
      [id, email, await hash(password, 10)],
    )
    return id
  },
  async signIn({ email, password }) {
    const request = new Request('http://localhost:4000/auth/callback/credentials', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ email, password }),
    })
    const response = await Auth(request, config)
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
    return cookies.find((cookie) => cookie.includes('session-token=')) ?? null
  },
  async readSession({ cookie }) {
    const request = new Request('http://localhost:4000/auth/session', { headers: { cookie } })
    return (await (await Auth(request, config)).json())?.user?.email ?? null
  },
})
