// next-auth 4 with the Credentials provider, as a handler of Next's API routes on a server of its own.
import { createServer } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import nextAuth from 'next-auth'
import credentials from 'next-auth/providers/credentials'
import { createUsers } from './credentials.mjs'
import { serve, versionOf } from './serve.mjs'

const NextAuth = nextAuth.default ?? nextAuth
const Credentials = credentials.default ?? credentials
const { signUp, authorize } = createUsers(JSON.parse(process.argv[2]))
const options = {
  secret: 'a secret of this test and of nothing else',
  logger: { error: () => undefined, warn: () => undefined },
  providers: [Credentials({ credentials: { email: {}, password: {} }, authorize })],
}

/** What Next adds to requests and responses of API routes. */
const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost')
  const pairs = (req.headers.cookie ?? '').split('; ').filter(Boolean)
  Object.assign(req, {
    query: { ...Object.fromEntries(searchParams), nextauth: pathname.split('/').slice(3) },
    cookies: Object.fromEntries(
      pairs.map((pair) => [pair.split('=')[0], decodeURIComponent(pair.slice(pair.indexOf('=') + 1))]),
    ),
    body: Object.fromEntries(new URLSearchParams(await text(req))),
  })
  Object.assign(res, {
    status: (code) => Object.assign(res, { statusCode: code }),
    json: (value) => res.end(JSON.stringify(value)),
    send: (value) => res.end(typeof value === 'object' ? JSON.stringify(value) : value),
  })
  await NextAuth(req, res, options)
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${server.address().port}/api/auth`
process.env.NEXTAUTH_URL = url

/** @param {Response} response */
const cookiesOf = (response) => response.headers.getSetCookie().map((cookie) => cookie.split(';')[0])

serve({
  version: () => versionOf('next-auth'),
  signUp,
  async signIn({ email, password }) {
    const csrf = await fetch(`${url}/csrf`)
    const { csrfToken } = await csrf.json()
    const response = await fetch(`${url}/callback/credentials`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: cookiesOf(csrf).join('; ') },
      body: new URLSearchParams({ email, password, csrfToken, json: 'true' }),
    })
    return cookiesOf(response).find((cookie) => cookie.includes('session-token=')) ?? null
  },
  async readSession({ cookie }) {
    return (await (await fetch(`${url}/session`, { headers: { cookie } })).json())?.user?.email ?? null
  },
})
