import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receivedBody } from '@/lib/http/received-body'
import { serveEndpoints } from './endpoints'

const routes = new Map([
  [
    '/api/echo',
    {
      POST: async (request: Request) =>
        Response.json(
          {
            url: request.url,
            type: request.headers.get('content-type'),
            body: new TextDecoder().decode(receivedBody(request)),
          },
          {
            status: 201,
            headers: [
              ['Set-Cookie', 'a=1'],
              ['Set-Cookie', 'b=2'],
            ],
          },
        ),
      HEAD: () => new Response(null, { status: 405, headers: { Allow: 'POST' } }),
      PUT: () => Promise.reject(new Error('broken')),
    },
  ],
])

let url: string
const server = createServer((request, response) => {
  void whole(request).then(async () => {
    const next = () => void response.writeHead(418).end()
    const serve = serveEndpoints(
      routes,
      { publicOrigin: 'https://id.example.com', basePath: '/account' },
      next,
    )
    try {
      await serve(request, response)
    } catch {
      response.writeHead(500).end()
    }
  })
})
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

/** Waits for the body without reading it, as the front server does. */
const whole = (request: IncomingMessage) =>
  new Promise<void>((resolve) => (request.complete ? resolve() : request.once('readable', resolve)))

const post = (path: string) =>
  fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'Grüße' })

test.each(['/account/api/echo', '/account/api/echo/', '/account/api/echo/?a=b'])(
  'POST %s reaches the handler with the public URL, the headers and the body [R7]',
  async (path) => {
    const response = await post(path)
    expect(response.status).toBe(201)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const expected = { url: `https://id.example.com${path}`, type: 'text/plain', body: 'Grüße' }
    expect(await response.json()).toEqual(expected)
  },
)

test.each([
  '/api/echo',
  '/account/api/echo//',
  '/account/api/echoes',
  '/account/api',
  '/account/api/toString',
])('a request for %s, which is not an endpoint, goes to Next [R7]', async (path) =>
  expect((await post(path)).status).toBe(418),
)

test.each(['GET', 'DELETE', 'OPTIONS'])(
  'a %s request, which the route does not export, goes to Next',
  async (method) => {
    expect((await fetch(`${url}/account/api/echo`, { method })).status).toBe(418)
  },
)

test('the response to HEAD has the handler’s status and headers, and no body', async () => {
  const response = await fetch(`${url}/account/api/echo`, { method: 'HEAD' })
  expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([405, 'POST', ''])
})

test('an error that a handler throws reaches the front server', async () => {
  expect((await fetch(`${url}/account/api/echo`, { method: 'PUT', body: 'x' })).status).toBe(500)
})
