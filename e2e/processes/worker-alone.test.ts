import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'

test.each([
  ['its supervisor ends', (child: ReturnType<typeof fork>) => child.disconnect()],
  ['it gets SIGTERM', (child: ReturnType<typeof fork>) => child.kill('SIGTERM')],
])('a worker that waits for its database ends when %s [F9]', async (_, leave) => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined))).listen(
    0,
    '127.0.0.1',
  )
  await once(silent, 'listening')
  const child = fork('dist/server/processes/worker-process.js', {
    env: {
      PATH: process.env.PATH,
      REKEY_MODE: 'production',
      NODE_ENV: 'production',
      SECRET_KEY: 'nK4vTq9ZrWm2Lx7Ys1Hd8Pb5Jc3Fg6Ue',
      DATABASE_URL: `postgresql://rekey@127.0.0.1:${(silent.address() as AddressInfo).port}/rekey`,
      PUBLIC_URL: 'https://id.example.com',
      SMTP_URL: 'smtps://mail.example.com',
      VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
    } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  try {
    await expect.poll(() => sockets.size, { timeout: 40_000 }).toBeGreaterThan(0)
    leave(child)
    const ended = once(child, 'exit')
    const late = new Promise((resolve) => setTimeout(() => resolve('still there'), 10_000))
    expect(await Promise.race([ended, late])).not.toBe('still there')
  } finally {
    child.kill('SIGKILL')
    for (const socket of sockets) socket.destroy()
    silent.close()
  }
})
