import { createHash, createHmac } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import ts from 'typescript'
import { createLinkSigner, type Link } from '@/lib/password-reset/reset-link'
import type { LinkState } from '@/lib/accounts/account'

/**
 * Reset links for an account, made by somebody who knows this source and takes `known` for the secret, and for the key
 * itself (CVE-2019-13177: a public constant was passed where the secret belonged).
 *
 * @param audience the deployment that the links pretend to be of
 */
export function forgeries(
  known: string | Buffer,
  userId: string,
  timestamp: number,
  state: LinkState,
  audience = 'https://id.example.com',
): [asSecret: Link, asKey: Link] {
  const period = { reset: 3600, cancel: 3600, 'cancel-change': 3600 }
  const asSecret = createLinkSigner({ secrets: [known.toString()], audience, period, oneTimeUse: true })

  const key = Buffer.from(known)
  const keyId = createHash('sha256').update(key).digest('base64url').slice(0, 8)
  const mac = (...fields: unknown[]) =>
    createHmac('sha256', key)
      .update(JSON.stringify([keyId, ...fields]))
      .digest()
  const about = ['reset', audience, userId, timestamp] as const
  const { passwordHash, email, isActive, linksEpoch } = state
  const inner = mac('inner', ...about, passwordHash, email, isActive, linksEpoch)
  const outer = mac('outer', ...about, inner.toString('base64url'))
  const signature = Buffer.concat([outer, inner]).toString('base64url')

  return [asSecret.create('reset', userId, timestamp, state), { user_id: userId, timestamp, signature }]
}

/**
 * Every text that stands in the source of what runs, so that anybody who can read the source has it; of the languages, whose
 * words would be most of them, the English one.
 */
export function wordsOfTheSource(): string[] {
  const words = new Set<string>()
  const files = ['app', 'components', 'emails', 'lib', 'scripts', 'server'].flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: 'utf8' }).map((name) => `${room}/${name}`),
  )
  const run = files.filter((name) => /\.(tsx?|js)$/.test(name) && !/\.test\.tsx?$/.test(name))
  for (const name of [...run, 'rekey.config.ts', 'messages/en.json']) {
    const source = ts.createSourceFile(name, readFileSync(name, 'utf8'), ts.ScriptTarget.Latest)
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
        words.add(node.text)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return [...words]
}
