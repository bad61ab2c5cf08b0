import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type pg from 'pg'

/** Secrets by name. Each must be base64url, or contain 16 letters and digits in a row. */
export type Canaries = Record<string, string>

export type Haystack = { where: string; text: string }

export type Finding = { secret: string; where: string; around: string }

/** The length of a part by which a secret is found, because a log line may contain only its beginning or its end. */
const pieceLength = 16

function piecesOf(secret: string): string[] {
  const runs = secret.match(new RegExp(`[A-Za-z0-9]{${pieceLength},}`, 'g')) ?? []
  const longest = runs.reduce((one, other) => (other.length > one.length ? other : one), '')
  // No encoding except base64 and hex changes a dash or an underscore of base64url.
  const all = /^[\w-]+$/.test(secret) ? secret : longest
  if (all.length < pieceLength) throw new Error('A canary needs 16 letters and digits in a row.')
  const starts = [0, Math.floor((all.length - pieceLength) / 2), all.length - pieceLength]
  return [...new Set(starts)].map((start) => all.slice(start, start + pieceLength))
}

/** A piece in base64 at each of the three offsets in a longer text, without the characters that depend on its neighbours. */
function inBase64(piece: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(piece)]).toString('base64')
    const certain = text.slice(before === 0 ? 0 : before + 1, Math.floor(((before + piece.length) * 8) / 6))
    return [certain, certain.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

function needlesOf(secret: string): string[] {
  const pieces = piecesOf(secret)
  const hex = pieces.map((piece) => Buffer.from(piece).toString('hex'))
  const escaped = hex.flatMap((digits) => ['%', '=', '\\x'].map((mark) => digits.replace(/../g, `${mark}$&`)))
  return [...new Set([...pieces, ...pieces.flatMap(inBase64), ...hex, ...escaped])]
}

/** Finds secrets, complete or cut: raw, or encoded for URLs, JSON, HTML, quoted-printable, base64, base64url or hex. */
export function find(canaries: Canaries, haystacks: Iterable<Haystack>): Finding[] {
  const wanted = Object.entries(canaries).flatMap(([secret, value]) =>
    needlesOf(value).map((needle) => ({ secret, needle: needle.toLowerCase() })),
  )
  const findings: Finding[] = []
  for (const { where, text } of haystacks) {
    const folded = text.toLowerCase()
    const joined = folded.replace(/=\r?\n|(?<=[\w+/=]{20})\r?\n(?=[\w+/=]{4})/g, '')
    for (const secret of Object.keys(canaries)) {
      const hit = wanted.find((one) => one.secret === secret && joined.includes(one.needle))
      if (hit === undefined) continue
      const at = joined.indexOf(hit.needle)
      findings.push({ secret, where, around: joined.slice(Math.max(0, at - 60), at + 60) })
    }
  }
  return findings
}

export async function dump(sql: pg.Pool): Promise<Haystack[]> {
  const { rows: tables } = await sql.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS "name" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema$)' ORDER BY 1`,
  )
  const haystacks: Haystack[] = []
  for (const { name } of tables) {
    const { rows } = await sql.query<{ row: string }>(`SELECT t::text AS "row" FROM ${name} t`)
    haystacks.push({ where: `table ${name}`, text: rows.map(({ row }) => row).join('\n') })
  }
  return haystacks
}

export function* filesIn(dir: string, isWanted = (_at: string) => true): Generator<Haystack> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const at = path.join(dir, entry.name)
    if (!isWanted(at)) continue
    if (entry.isDirectory()) yield* filesIn(at, isWanted)
    else if (entry.isFile()) yield { where: at, text: readFileSync(at, 'latin1') }
  }
}

export function isWrittenSince(at: string, then: number): boolean {
  const about = statSync(at)
  return about.isDirectory() || about.mtimeMs >= then
}
