import { Mistake } from './mistake'

/** Reads a password from standard input, without its final line break. @throws Mistake if it is empty; TypeError if not UTF-8 */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) console.error('Type the password, then Enter and Ctrl-D:')
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const password = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    .decode(Buffer.concat(chunks))
    .replace(/\r?\n$/, '')
  if (password === '') throw new Mistake('No password came on standard input.')
  return password
}
