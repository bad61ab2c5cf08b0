import type { ServerResponse } from 'node:http'

export function sendJson(response: ServerResponse, status: number, facts: object): void {
  const body = JSON.stringify(facts)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}
