import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

export type Scrape = { status: number; headers: IncomingMessage['headers']; text: string }

/** On a connection of its own, which any web process may accept. */
export async function scrape(url: string, headers: Record<string, string>): Promise<Scrape> {
  const request = get(url, { agent: false, headers })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode!, headers: response.headers, text: await text(response) }
}

export function samplesOf({ text: body }: Scrape): Record<string, number> {
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}
