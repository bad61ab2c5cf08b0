import { readFileSync, writeFileSync } from 'node:fs'
import prettier from 'prettier'

/** @import { Guard } from '../../e2e/guards/guards.js' */
/** @import { Verdict } from './judge.js' */

/** @param {string} name */
function versionOf(name) {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version
}

/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

/**
 * Writes what became of each guard to docs/guards.md.
 *
 * @param {[Guard, Verdict | undefined][]} rows
 */
export async function writeTable(rows) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const database = process.env.TEST_DATABASE_URL ? 'a PostgreSQL server' : 'the embedded PostgreSQL'
  const killed = rows.filter(([, verdict]) => verdict?.killed).length
  const text = [
    '# Guards',
    '',
    'What Rekey promises rests on these guards. `npm run mutants -- --write` takes each of them out of the code, one at a',
    'time, runs the test that must notice, and writes this table. A guard that no test misses would be named SURVIVED',
    'here, and the run would fail. The list, with what exactly is changed, is in `e2e/guards/`.',
    '',
    `Last run: ${new Date().toISOString().slice(0, 10)}, Rekey ${version}, Node.js ${process.versions.node}, Vitest ${versionOf('vitest')}, on ${database}.`,
    `${killed} of ${rows.length} turned a test red.`,
    '',
    '| guard taken away | shows | in | the test that turned red |',
    '| --- | --- | --- | --- |',
    ...rows.map(([{ guard, cites, file, test }, verdict]) => {
      const by = verdict?.killed ? `${cell(verdict.by)} (\`${test}\`)` : (verdict?.why ?? 'not tried')
      return `| ${cell(guard)} | ${cites} | \`${file}\` | ${by} |`
    }),
    '',
  ].join('\n')
  const options = await prettier.resolveConfig('docs/guards.md')
  writeFileSync('docs/guards.md', await prettier.format(text, { ...options, parser: 'markdown' }))
}
