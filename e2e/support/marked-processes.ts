import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'vitest'

/** Milliseconds; on a busy machine, a service starts slowly. */
const patience = 150_000

/** Who gets a signal: the started process, its child process, or its whole process group, as after Ctrl-C. */
export type Receiver = 'itself' | 'child' | 'group'

/** A command and the processes that it started, found by an environment variable that they inherit. */
export type MarkedProcesses = {
  output(): string
  prints(pattern: RegExp): Promise<void>
  signal(signal: NodeJS.Signals, receiver?: Receiver): void
  /** Resolves with the exit code of the started process; 128 and more where a signal ended it. */
  ended: Promise<number>
  left(): string[]
  kill(): void
}

const numbers: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

/** Reads a file of `/proc`; empty where the process has ended. */
function readProc(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

export function startMarked(
  [program, ...args]: [string, ...string[]],
  env: Record<string, string>,
  cwd = '.',
): MarkedProcesses {
  const mark = `REKEY_TEST_MARK=${randomBytes(8).toString('hex')}`
  const { PATH, HOME } = process.env
  const child = spawn(program, args, {
    cwd,
    detached: true,
    env: { PATH, HOME, ...env, REKEY_TEST_MARK: mark.split('=')[1] } as unknown as NodeJS.ProcessEnv,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const ended = once(child, 'exit').then(([code, signal]) => (code as number) ?? 128 + numbers[signal]!)
  const pids = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => readProc(pid, 'environ').split('\0').includes(mark))
  const childOf = (pid: number) => Number.parseInt(readProc(pid, `task/${pid}/children`))

  return {
    output: () => output,
    async prints(pattern) {
      await expect
        .poll(() => (pids().length > 0 ? output : `${output}\nended`), { timeout: patience, interval: 200 })
        .toMatch(new RegExp(`${pattern.source}|\nended$`))
      expect(output).toMatch(pattern)
    },
    signal(signal, receiver = 'itself') {
      const pid = child.pid!
      process.kill({ itself: pid, child: childOf(pid), group: -pid }[receiver], signal)
    },
    ended,
    left: () => pids().map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' ').trim()),
    kill() {
      for (const pid of pids()) {
        try {
          process.kill(Number(pid), 'SIGKILL')
        } catch {
          // It ended by itself.
        }
      }
    },
  }
}

export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  }).finally(() => socket.destroy()) as Promise<boolean>
}

/** Sends half of a request; `finish` sends the rest and resolves with the response. */
export function halfRequest(port: number) {
  const socket = connect(port, '127.0.0.1')
  const response = text(socket)
  const body = JSON.stringify({ login: 'somebody' })
  socket.write(
    `POST /api/v1/accounts/send-reset-password-link/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
  )
  return {
    async finish() {
      socket.write(body.slice(5))
      return response
    },
  }
}
