import http from 'node:http'
import { createDatabase, prepareDatabase } from '@/bench/database'
import { signLinks } from '@/bench/links'
import { startApp, startPeers } from '@/bench/processes'
import { compare, runRounds, contenderUnderLoad, type Bench, type Results } from '@/bench/rounds'

/** Compares pages with an empty page of the same Next. */
export async function comparePages(bench: Bench): Promise<Results> {
  const database = await createDatabase(bench.server)
  await prepareDatabase(database, 1000)
  const app = await startApp({ database, smtpUrl: await bench.smtpUrl() })
  const peers = await startPeers()
  const links = (await signLinks(app, database, 0, 200)).map(({ timestamp, ...link }) =>
    String(new URLSearchParams({ ...link, timestamp: String(timestamp) })),
  )
  const page = { connections: 16, status: 200 }
  const used = { group: app, database }
  const samples = await runRounds(bench, [
    contenderUnderLoad(bench, 'an empty page', { ...page, path: '/' }, { group: peers }),
    contenderUnderLoad(bench, '/forgot-password/', { ...page, path: '/forgot-password/' }, used),
    contenderUnderLoad(
      bench,
      '/reset-password/',
      { ...page, path: '/reset-password/?{value}', values: links },
      used,
    ),
  ])
  const weights = {
    'an empty page': await weightOf(peers.url, '/'),
    '/forgot-password/': await weightOf(app.url, '/forgot-password/'),
    '/reset-password/': await weightOf(app.url, `/reset-password/?${links[0]}`),
  }
  return {
    comparisons: [
      compare(samples, '/forgot-password/', 'an empty page', 'rate ≥ 0.75'),
      compare(samples, '/reset-password/', 'an empty page', 'rate ≥ 0.6'),
    ],
    figures: Object.entries(weights).flatMap(([name, { html, scripts }]) => [
      { name: `HTML of ${name}, gzip`, unit: 'kB', values: [html / 1000] },
      {
        name: `JavaScript of ${name}, gzip`,
        unit: 'kB',
        ...(name !== 'an empty page' && { goal: '≤ 1.25 × empty' }),
        values: [scripts / 1000],
      },
    ]),
  }
}

/** Returns the bytes of a page's HTML and of its scripts, compressed with gzip. */
async function weightOf(url: string, path: string): Promise<{ html: number; scripts: number }> {
  const { bytes: html } = await get(new URL(path, url), 'gzip')
  const { text } = await get(new URL(path, url), 'identity')
  // Browsers that support modules do not load scripts with `noModule`.
  const tags = [...text.matchAll(/<script[^>]* src="([^"]+)"[^>]*>/g)].filter(
    ([tag]) => !/nomodule/i.test(tag),
  )
  const names = new Set(tags.map(([, source]) => source!))
  let scripts = 0
  for (const name of names) scripts += (await get(new URL(name.replaceAll('&amp;', '&'), url), 'gzip')).bytes
  return { html, scripts }
}

function get(url: URL, encoding: string): Promise<{ bytes: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers: { 'Accept-Encoding': encoding } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${url.pathname} answered ${response.statusCode}.`))
        const body = Buffer.concat(chunks)
        resolve({ bytes: body.length, text: body.toString() })
      })
    })
    request.on('error', reject)
  })
}
