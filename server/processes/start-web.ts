import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import createNext from 'next'
import type { Log } from '@/lib/logging/log'
import type { Settings } from '@/lib/config/settings'
import { services } from '@/services'
import { serveEndpoints } from '@/server/http/endpoints'
import { createFrontServer } from '@/server/http/front'
import { startMonitoring } from '@/server/http/monitoring'
import { createRouteMatcher, createStoredPagesHandler } from '@/server/http/stored-pages'
import { endpointsWithoutNext } from './endpoints-without-next'

export type RunningWeb = { port: number; close(): Promise<void> }

type Parts = {
  settings: Settings
  log: Log
  /** Whether to run Next's dev server instead of the build in `.next`. */
  dev: boolean
}

/**
 * Starts Next, the monitoring and the HTTP server in front of them.
 *
 * @throws Error with a sentence for the operator if the server cannot listen on its address
 */
export async function startWeb({ settings, log, dev }: Parts): Promise<RunningWeb> {
  const { protocol, hostname, port } = new URL(settings.publicOrigin)
  // Makes Next skip its env files: it would expand `$` in `.env`, and add files, so that the worker's environment would differ.
  process.env.__NEXT_PROCESSED_ENV = 'true'
  // Next adds an upgrade handler to its server, which would connect to any address that a request names (CVE-2026-44578). So Next gets
  // a server that never listens; in dev, `upgrade` below passes requests on.
  const relay = createServer()
  const app = createNext({
    dev,
    dir: process.cwd(),
    // Handlers see URLs with this address, so it must be the public one.
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    httpServer: relay,
  })
  await app.prepare()

  const next = app.getRequestHandler()
  const pages = dev ? next : createStoredPagesHandler(createBuiltRouteMatcher(), settings, next)
  // Creates the services before Next's build would: the endpoints of this build recognise only its own error classes, and services throw
  // those of the build that created them.
  if (!dev) services()
  const monitoring = startMonitoring(settings, log)
  const front = createFrontServer({
    settings,
    log,
    // In dev, Next calls the endpoints, because it reloads them after an edit.
    handle: monitoring.serve(dev ? next : serveEndpoints(endpointsWithoutNext, settings, pages)),
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
      await monitoring.close()
      await app.close()
    },
  }
}

function createBuiltRouteMatcher() {
  const manifest = readFileSync('.next/routes-manifest.json', 'utf8')
  const files = existsSync('public') ? readdirSync('public', { recursive: true, encoding: 'utf8' }) : []
  return createRouteMatcher(
    JSON.parse(manifest) as Parameters<typeof createRouteMatcher>[0],
    new Set(files.map((file) => `/${file.replaceAll(path.sep, '/')}`)),
  )
}

function whyNotListening({ code, message }: NodeJS.ErrnoException, { port, host }: Settings): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is in use by another program; stop that one, or set PORT to another port.`
    case 'EACCES':
      return `Port ${port} needs privileges that this process does not have; set PORT to a port above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine; leave HOST empty to listen on all of them.`
    default:
      return `Listening on port ${port} failed: ${message}`
  }
}
