import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { TestDatabase } from './test-database'

/** The first message of a PostgreSQL client that wants TLS (PostgreSQL, "SSLRequest"). */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

/** Offers a database at `localhost` over TLS, and disconnects clients without TLS. The caller drops the database. */
export async function startEncryptedDatabase(
  target: TestDatabase,
  certificate: { key: string; cert: string },
) {
  const url = new URL(target.url)
  const socketDir = url.searchParams.get('host')
  const where = { host: url.hostname, port: Number(url.port || 5432) }
  const open = () => connect(socketDir === null ? where : { path: `${socketDir}/.s.PGSQL.5432` })

  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client.on('error', () => client.destroy()))
    client.once('data', (message: Buffer) => {
      if (!message.equals(sslRequest)) return void client.destroy()
      client.write('S')
      const secured = new TLSSocket(client, { isServer: true, ...certificate })
      const upstream = open()
      sockets.add(upstream)
      const end = () => [secured, client, upstream].forEach((socket) => socket.destroy())
      for (const socket of [secured, upstream]) socket.on('error', end).on('close', end)
      secured.pipe(upstream).pipe(secured)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  url.hostname = 'localhost'
  url.port = String((server.address() as AddressInfo).port)
  url.searchParams.delete('host')
  return {
    url: url.href,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
