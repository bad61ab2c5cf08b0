// Auth.js (@auth/core, which next-auth 5 wraps) with the Credentials provider.
import { Auth, skipCSRFCheck } from '@auth/core'
import Credentials from '@auth/core/providers/credentials'
import { createUsers } from './credentials.mjs'
import { serve, versionOf } from './serve.mjs'

const { signUp, authorize } = createUsers(JSON.parse(process.argv[2]))
const config = {
  basePath: '/auth',
  secret: 'a secret of this test and of nothing else',
  trustHost: true,
  skipCSRFCheck,
  logger: { error: () => undefined },
  providers: [Credentials({ credentials: { email: {}, password: {} }, authorize })],
}

serve({
  version: () => versionOf('@auth/core'),
  signUp,
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
