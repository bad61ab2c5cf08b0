import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { migrate } from '@/lib/migrations'
import { isListening, startMarked, type MarkedProcesses, type Receiver } from './world/marked-processes'
import { freePort } from './world/running-app'
import { createTestDatabase, type TestDatabase } from './world/test-database'

// The npm scripts as they are typed, stopped from outside.

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-signals-'))
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await migrate(database.url)
})
const started: MarkedProcesses[] = []
afterEach(() => started.splice(0).forEach((processes) => processes.kill()))
afterAll(async () => {
  await database.drop()
  rmSync(directory, { recursive: true, force: true })
})

const settings = (port: number) => ({
  SECRET_KEY: randomBytes(32).toString('base64url'),
  DATABASE_URL: database.url,
  DATA_DIR: directory,
  PUBLIC_URL: `http://127.0.0.1:${port}`,
  SMTP_URL: 'smtp://127.0.0.1:9',
  VERIFICATION_FROM_EMAIL: 'Rekey <no-reply@rekey.example>',
  HOST: '127.0.0.1',
  PORT: String(port),
  WEB_CONCURRENCY: '1',
  LOG_LEVEL: 'info',
})

function start(command: [string, ...string[]], env: Record<string, string>, cwd?: string) {
  const processes = startMarked(command, env, cwd)
  started.push(processes)
  return processes
}

/** Nothing of it is left, at once where what was started waits for the rest. */
async function expectGone(processes: MarkedProcesses, port?: number) {
  await expect.poll(processes.left, { timeout: 15_000 }).toEqual([])
  if (port !== undefined) expect(await isListening(port)).toBe(false)
}

/** Sends half of a request; `finish` sends the rest and resolves with the answer. */
async function halfRequest(port: number) {
  const socket = connect(port, '127.0.0.1')
  const answer = text(socket)
  const body = JSON.stringify({ login: 'somebody' })
  socket.write(
    `POST /api/v1/accounts/send-reset-password-link/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  )
  return {
    async finish() {
      socket.write(body.slice(5))
      return answer
    },
  }
}

const isolated = ['unshare', '--pid', '--fork', '--mount-proc'] as const
const mayIsolate = spawnSync(isolated[0], [...isolated.slice(1), 'true']).status === 0

type Stop = {
  title: string
  command: [string, ...string[]]
  signal: NodeJS.Signals
  receiver: Receiver
  code: number
  when?: boolean
}
const stops: Stop[] = [
  { title: 'SIGTERM to npm start', command: ['npm', 'start'], signal: 'SIGTERM', receiver: 'itself', code: 0 },
  {
    title: 'Ctrl-C, which reaches every process of npm start and then again through npm',
    command: ['npm', 'start'],
    signal: 'SIGINT',
    receiver: 'group',
    code: 0,
  },
  {
    title: `SIGTERM to npm start as process 1 of a container${mayIsolate ? '' : ' (skipped: unshare is not permitted here)'}`,
    command: [...isolated, 'npm', 'start'],
    signal: 'SIGTERM',
    receiver: 'child',
    code: 0,
    when: mayIsolate,
  },
  {
    title: 'SIGTERM to a shell that waits for npm start',
    command: ['sh', '-c', 'npm start 2>&1; true'],
    signal: 'SIGTERM',
    receiver: 'itself',
    code: 143,
  },
  {
    title: 'SIGKILL of npm, which passes nothing on',
    command: ['npm', 'start'],
    signal: 'SIGKILL',
    receiver: 'itself',
    code: 137,
  },
]

describe('a request in progress is answered, the port is free, and no process is left', () => {
  for (const { title, command, signal, receiver, code, when = true } of stops) {
    test.runIf(when)(`V3: after ${title}`, async () => {
      const port = await freePort()
      const service = start(command, settings(port))
      await Promise.all([service.says(/serving on/), service.says(/worker_started/)])
      const request = await halfRequest(port)
      await pause(200)
      service.signal(signal, receiver)
      await service.says(/"event":"sys_shutdown"/)
      // A second signal cuts nothing off.
      if (code === 0) service.signal(signal, receiver)
      expect(await request.finish()).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i)
      expect(await service.ended).toBe(code)
      await expectGone(service, port)
      expect(service.output().match(/"event":"sys_shutdown"/g)).toHaveLength(1)
      expect(service.output()).toContain('"event":"worker_stopped"')
    })
  }
})
