import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import next from 'next'
import type { Log } from '@/lib/logging/log'
import type { Settings } from '@/lib/config/settings'
import { createFront } from '@/server/http/front'
import { watchMailOfWeb } from '@/server/http/mail-health-endpoint'

export type Web = { port: number; close(): Promise<void> }

type Parts = {
  settings: Settings
  log: Log
  /** Next's dev server instead of the build in `.next`. */ dev: boolean
}

/**
 * Starts Next and the HTTP server in front of it; resolves when requests are served.
 *
 * @returns the port (which `PORT=0` leaves to the system), and `close`, which drains: at most 25 s
 * @throws Error with a sentence for the operator when the address cannot be listened on
 */
export async function startWeb({ settings, log, dev }: Parts): Promise<Web> {
  const { protocol, hostname, port } = new URL(settings.publicOrigin)
  // Next would read `.env` once more, replace what follows a `$` in it, and take `.env.local` and `.env.production` too:
  // handlers would run on other settings than those that were checked, and than the worker's. So it is told that it has.
  process.env.__NEXT_PROCESSED_ENV = 'true'
  // Next hangs its own upgrade handler on the server it is given, and with it a proxy to wherever a request points
  // (CVE-2026-44578). It gets a server that never listens; only what the front lets through is passed on to it.
  const relay = createServer()
  const app = next({
    dev,
    dir: process.cwd(),
    // What Next believes to be its address, and so the URL that handlers see, is the public one.
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    httpServer: relay,
  })
  await app.prepare()

  const mail = watchMailOfWeb(settings, log)
  const front = createFront({
    settings,
    log,
    handle: mail.serve(app.getRequestHandler()),
    upgrade: dev
      ? (request, socket, head) => relay.emit('upgrade', request, socket, head) || socket.destroy()
      : undefined,
  })
  await new Promise<void>((resolve, reject) => {
    front.server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(whyNotListening(error, settings))),
    )
    front.server.listen({ port: settings.port, host: settings.host, backlog: 4096 }, resolve)
  })

  return {
    port: (front.server.address() as AddressInfo).port,
    async close() {
      await front.close()
      await mail.close()
      await app.close()
    },
  }
}

/** One sentence for the operator. */
function whyNotListening({ code, message }: NodeJS.ErrnoException, { port, host }: Settings): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another program; stop that one, or set PORT to another port.`
    case 'EACCES':
      return `Port ${port} needs rights that this process does not have; set PORT to a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is no address of this machine; leave HOST empty to listen on all of them.`
    default:
      return `Listening on port ${port} failed: ${message}`
  }
}
