import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** A DNS server with these TXT records (RFC 1035 §4). A parent of their names exists without records. */
export async function startDnsServer(
  records: Record<string, string[]>,
  code = 0,
): Promise<{ address: string; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const labels: string[] = []
    let at = 12
    for (let length = query[at]!; length > 0; length = query[at]!) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const name = labels.join('.').toLowerCase()
    const found = records[name] ?? []
    const exists = Object.keys(records).some((known) => known === name || known.endsWith(`.${name}`))
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180 | (code || (exists ? 0 : 3)), 2)
    header.writeUInt16BE(found.length, 6)
    header.writeUInt32BE(0, 8)
    const answers = found.map((text) => {
      const data = Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
      const fixed = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 1, 0, data.length])
      return Buffer.concat([fixed, data])
    })
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...answers]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${socket.address().port}`, close: () => void socket.close() }
}
