import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Handle } from './handle'
import { setRequestHeader } from './request-headers'

export type RenderedPage = { status: number; headers: OutgoingHttpHeaders; html: string }

/**
 * Lets Next render a page for a made-up GET request, so that the page depends on no visitor's request.
 *
 * @param url path and query, with the path of PUBLIC_URL
 */
export async function renderPage(
  handle: Handle,
  url: string,
  headers: Record<string, string>,
): Promise<RenderedPage> {
  const request = new IncomingMessage(new Socket())
  request.method = 'GET'
  request.url = url
  for (const [name, value] of Object.entries(headers)) setRequestHeader(request, name, value)
  request.complete = true
  request.push(null)
  const response = new CollectedResponse(request)
  const ended = new Promise<void>((resolve, reject) => {
    response.once('finish', resolve)
    response.once('error', reject)
  })
  await handle(request, response)
  await ended
  return { status: response.statusCode, headers: response.getHeaders(), html: response.text() }
}

class CollectedResponse extends ServerResponse {
  private readonly chunks: Buffer[] = []
  override writableFinished = false

  text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  override flushHeaders(): void {}

  override writeHead(status: number, ...given: unknown[]): this {
    this.statusCode = status
    const headers = given.find((one) => typeof one === 'object') as OutgoingHttpHeaders | undefined
    for (const [name, value] of Object.entries(headers ?? {}))
      if (value !== undefined) this.setHeader(name, value)
    return this
  }

  override write(chunk: string | Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk as Uint8Array))
    return true
  }

  override end(chunk?: unknown): this {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.write(chunk)
    this.writableFinished = true
    this.emit('finish')
    this.emit('close')
    return this
  }
}
