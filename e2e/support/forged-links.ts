import { createHash, createHmac } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import ts from 'typescript'
import { createLinkSigner, type Link } from '@/lib/password-reset/reset-link'
import type { SignedState } from '@/lib/accounts/account'

/** Reset links of an attacker who tries `known` as the secret and as the key (CVE-2019-13177: the secret was a public constant). */
export function forgeries(
  known: string | Buffer,
  userId: string,
  timestamp: number,
  state: SignedState,
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

/** The string literals in the sources of the running code, which are public, and in the English messages. */
export function textsOfTheSource(): string[] {
  const texts = new Set<string>()
  const files = ['app', 'components', 'emails', 'lib', 'scripts', 'server'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  const run = files.filter((name) => /\.(tsx?|js)$/.test(name) && !/\.test\.tsx?$/.test(name))
  for (const name of [...run, 'rekey.config.ts', 'messages/en.json']) {
    const source = ts.createSourceFile(name, readFileSync(name, 'utf8'), ts.ScriptTarget.Latest)
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
        texts.add(node.text)
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return [...texts]
}
