import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { open, parseResponse, receive, sendBytes, sendRequest } from '@/e2e/support/raw-http'
import { startFront as start } from '@/e2e/support/front-server'

describe('faults and broken connections', () => {
  test('a handler that throws causes a 500 without detail and one log line with the request id [F15, I8]', async () => {
    const { port, logged } = await start()
    const response = await sendRequest(port, 'GET /throws')
    expect([response.status, response.body]).toEqual([500, '{"detail":"Internal server error."}'])
    const errors = logged.filter((line) => line.level === 50)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      event: 'sys_request_failed',
      requestId: response.headers.get('x-request-id'),
    })
  })

  test('a response whose handler throws halfway is cut off, so that its client sees it as incomplete [F15]', async () => {
    const { port, logged } = await start()
    const { text, closed } = await sendBytes(port, 'GET /throws-late HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(closed).toBe(true)
    expect(text).not.toContain('\r\n0\r\n\r\n')
    expect(text).not.toContain('canary')
    expect(logged.filter((line) => line.level === 50)).toHaveLength(1)
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
  })

  test('the server goes on after clients that close their connection at any moment [F15]', async () => {
    const { port, connections, logged } = await start()
    const starts = [
      'GET /page HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /api/v1/read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{',
      'GET /pa',
    ]
    for (let n = 0; n < 60; n += 1) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(starts[n % 3]!)
      if (n % 2 === 0) await new Promise((resolve) => setTimeout(resolve, n % 5))
      socket.resetAndDestroy()
    }
    await expect.poll(connections).toBe(0)
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
    expect(logged.filter((line) => Number(line.level) > 50)).toEqual([])
  })

  test('the server goes on after CONNECT requests whose client closes the connection [F15, C18]', async () => {
    const { port, connections } = await start()
    for (let n = 0; n < 40; n += 1) {
      const socket = await open(port)
      socket.on('error', () => undefined)
      socket.write('CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n')
      if (n % 2 === 0) await new Promise((resolve) => setTimeout(resolve, n % 4))
      socket.resetAndDestroy()
    }
    await expect.poll(connections).toBe(0)
    expect((await sendRequest(port, 'GET /page')).status).toBe(200)
  })

  test('a client that goes on sending garbage can read one 400, and is cut off after a time limit', async () => {
    const { port, connections } = await start({ limits: { lingerTime: 250 } })
    const socket = await open(port, { allowHalfOpen: true })
    socket.on('error', () => undefined)
    const flood = setInterval(() => socket.write('GARBAGE\r\n\r\n'), 20)
    const { text, reset } = await receive(socket, { until: /\r\n\r\n/ })
    expect([parseResponse(text).status, reset]).toEqual([400, false])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await connections()).toBe(1)
    await expect.poll(connections).toBe(0)
    clearInterval(flood)
  })

  test('garbage that follows a request in progress adds nothing to its response [C18]', async () => {
    const { port } = await start({
      handle: (_, response) => {
        response.write('first half ')
        setTimeout(() => response.end('second half'), 100)
      },
    })
    const socket = await open(port)
    socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n')
    await receive(socket, { until: /first half/ })
    const rest = receive(socket)
    socket.write('GARBAGE\r\n\r\n')
    const { text } = await rest
    expect(text).not.toContain('HTTP/1.1')
  })
})
