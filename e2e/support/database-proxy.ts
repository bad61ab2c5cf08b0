import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type ListenOptions, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestDatabase } from './test-database'

export type DatabaseProxy = {
  /** The same database through the proxy; the caller drops the database. */
  database: TestDatabase
  /** Ends all connections and accepts no more, as a database that is shut down. */
  cut(): Promise<void>
  /** Drops all data without ending connections, as a network that loses packets. */
  swallow(): void
  /** Drops all data of the connections that are open; new ones work. */
  silence(): void
  /** Ends the next connection with a matching statement, at that statement or, in a transaction, at its COMMIT. */
  cutAt(matching: RegExp, when: 'before' | 'after'): Promise<void>
  /** Delays data from the app to the database by this many milliseconds. */
  delay(ms: number): void
  /** Ends the next connection that sets a new password, before the database gets the COMMIT or just after. */
  cutAtCommit(when: 'before' | 'after'): Promise<void>
  /** Ends all connections, and connects new ones to another port of the same host, as after a failover. */
  leadTo(port: number): void
  /** Ends the effects of `cut`, `swallow` and `delay`. */
  restore(): Promise<void>
  close(): Promise<void>
}

/** On TCP, or on a unix socket for the embedded database. */
export async function startDatabaseProxy(target: TestDatabase): Promise<DatabaseProxy> {
  const url = new URL(target.url)
  const socketDir = url.searchParams.get('host')
  const ownDir = mkdtempSync(path.join(tmpdir(), 'rekey-proxy-'))
  const socketIn = (dir: string) => path.join(dir, '.s.PGSQL.5432')
  const where = { host: url.hostname, port: Number(url.port || 5432) }
  const open = () => connect(socketDir === null ? where : { path: socketIn(socketDir) })

  const pairs = new Set<[Socket, Socket]>()
  const silenced = new Set<Socket>()
  let swallowing = false
  let delayMs = 0
  let cutting: { matching: RegExp; when: 'before' | 'after'; done: () => void } | undefined

  /** The texts of prepared statements by name: after the first time, a connection sends the name only. */
  const texts = new Map<string, string>()
  function withTexts(message: string): string {
    const named = [...message.matchAll(/(rekey_[0-9a-f]{32})\0([^\0]*)/g)]
    for (const [, name, text] of named) if (/^\s*[A-Z]{4}/.test(text!)) texts.set(name!, text!)
    return [message, ...named.map(([, name]) => texts.get(name!))].join('\n')
  }

  const server = createServer((client) => {
    const upstream = open()
    const pair: [Socket, Socket] = [client, upstream]
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) socket.on('error', end).on('close', end)
    let inTransaction = false
    let matched = false
    client.on('data', (data) => {
      if (swallowing || silenced.has(client)) return
      const message = withTexts(data.toString('latin1'))
      const commits = /\bcommit\b/i.test(message)
      inTransaction ||= /\bbegin\b/i.test(message)
      matched ||= cutting?.matching.test(message) === true
      const isDue = matched && (commits || !inTransaction)
      if (commits || isDue) inTransaction = matched = false
      if (delayMs > 0) return void setTimeout(() => upstream.write(data), delayMs)
      if (cutting === undefined || !isDue) return void upstream.write(data)
      const { when, done } = cutting
      cutting = undefined
      if (when === 'before') end()
      // The app does not get the database's response.
      else upstream.removeAllListeners('data').once('data', end).write(data)
      done()
    })
    upstream.on('data', (data) => {
      if (!swallowing && !silenced.has(client)) client.write(data)
    })
  })

  async function listen(at: ListenOptions): Promise<void> {
    server.listen(at)
    await once(server, 'listening')
  }
  const address: ListenOptions =
    socketDir === null ? { port: 0, host: '127.0.0.1' } : { path: socketIn(ownDir) }
  await listen(address)
  if (socketDir === null) {
    const { port } = server.address() as AddressInfo
    address.port = port
    url.hostname = '127.0.0.1'
    url.port = String(port)
  } else {
    url.searchParams.set('host', ownDir)
  }

  const endAll = () => pairs.forEach((pair) => pair.forEach((socket) => socket.destroy()))

  async function cut(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    endAll()
    await closed
  }

  const cutAt: DatabaseProxy['cutAt'] = (matching, when) =>
    new Promise((done) => (cutting = { matching, when, done }))

  return {
    database: { ...target, url: url.href, drop: async () => undefined },
    cut,
    swallow: () => void (swallowing = true),
    silence: () => pairs.forEach(([client]) => silenced.add(client)),
    delay: (ms) => void (delayMs = ms),
    cutAt,
    leadTo(port) {
      where.port = port
      endAll()
    },
    cutAtCommit: (when) => cutAt(/UPDATE "rekey"\."users"/, when),
    async restore() {
      swallowing = false
      delayMs = 0
      if (!server.listening) await listen(address)
    },
    async close() {
      await cut()
      rmSync(ownDir, { recursive: true, force: true })
    },
  }
}
