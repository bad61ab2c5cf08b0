import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** @param {string} name of an installed package */
export function versionOf(name) {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}

/**
 * Responds to each line of standard input, `{"call": name, "given": {…}}`, with a line `{"result": …}` or `{"error": "…"}`.
 *
 * @param {Record<string, (given: any) => unknown>} calls
 */
export async function serve(calls) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { call, given } = JSON.parse(line)
    let response
    try {
      response = { result: (await calls[call](given)) ?? null }
    } catch (error) {
      response = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
    process.stdout.write(`${JSON.stringify(response)}\n`)
  }
  process.exit()
}
