import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

const requirement = /^- (?<id>[A-Z]\d{1,2}) (?<weight>must|should|nice): (?<text>.+)$/
const lines = readFileSync(`${root}docs/requirements.md`, 'utf8').split('\n')
const requirements = lines.flatMap((line) => {
  const { id, weight, text } = requirement.exec(line)?.groups ?? {}
  return id && weight && text ? [{ id, weight, text }] : []
})

const citations = new Map<string, string>()
for (const file of testFiles()) {
  for (const title of titles(file)) {
    // Ids are in brackets at the end: "… [T13, C1, CVE-2023-7028]".
    const tags = /\[([^[\]]*)\]$/.exec(title)?.[1] ?? ''
    for (const [id] of tags.matchAll(/(?<![\w-])[A-Z]\d{1,2}(?![\w-])/g)) citations.set(id, file)
  }
}

const decided = new Set(
  readdirSync(`${root}docs/decisions`).flatMap((name) =>
    [...readFileSync(`${root}docs/decisions/${name}`, 'utf8').matchAll(/\b[A-Z]\d{1,2}\b/g)].map(
      ([id]) => id,
    ),
  ),
)

test('every requirement "must" is cited by a test, and every "should" by a test or a decision record', () => {
  const open = requirements.filter(({ id, weight }) => {
    const excused = weight === 'nice' || (weight === 'should' && decided.has(id))
    return !citations.has(id) && !excused
  })

  expect(open.map(({ id, text }) => `${id}: ${text}`)).toEqual([])
})

test('every requirement that a test cites exists', () => {
  const known = new Set(requirements.map(({ id }) => id))
  const unknown = [...citations].filter(([id]) => !known.has(id)).map(([id, file]) => `${id} in ${file}`)

  expect(unknown).toEqual([])
})

test('requirements are numbered without gaps, and each has a weight', () => {
  const counts: Record<string, number> = {}

  expect(lines.filter((line) => line.startsWith('- ') && !requirement.test(line))).toEqual([])
  for (const { id } of requirements) {
    const group = id.charAt(0)
    counts[group] = (counts[group] ?? 0) + 1
    expect(id).toBe(`${group}${counts[group]}`)
  }
  expect(Object.keys(counts).join('')).toBe('ATPSRIHMULKCFOVW')
})

function testFiles(): string[] {
  return [
    'app',
    'bench',
    'client',
    'components',
    'e2e',
    'emails',
    'lib',
    'messages',
    'prisma',
    'scripts',
    'server',
  ].flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(test|spec)\.tsx?$/.test(name) && !/(^|\/)node_modules\//.test(name))
      .map((name) => `${folder}/${name}`),
  )
}

function titles(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(root + file, 'utf8'), ts.ScriptTarget.Latest)
  const found: string[] = []
  function visit(node: ts.Node): void {
    const [title] = ts.isCallExpression(node) ? node.arguments : []
    if (title !== undefined && ['test', 'describe'].includes(firstName(node))) found.push(textOf(title))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** The leftmost identifier of calls such as `test.describe.runIf(…)`. */
function firstName(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) return firstName(node.expression)
  return ''
}

function textOf(node: ts.Node): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((s) => s.literal.text).join('…')
  return ''
}
