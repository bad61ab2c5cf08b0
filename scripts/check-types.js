// Checks the types of a team's own code. `tsc` would report no type errors beside a syntax error.
import { globSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

/** @typedef {{ file?: ts.SourceFile | undefined, start?: number | undefined, code: number, text: string }} Mistake */

const cwd = ts.sys.getCurrentDirectory()
// A configuration without `defineConfig` is checked where services.ts uses it. Nothing imports the declarations.
const roots = ['rekey.config.ts', 'services.ts', ...globSync('lib/**/*.d.ts')]
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
const { options, fileNames } = ts.parseJsonConfigFileContent(
  { ...config, files: roots, include: [] },
  ts.sys,
  cwd,
)
const program = ts.createProgram(fileNames, { ...options, incremental: false, noEmit: true })

/** @type {Mistake[]} */
const mistakes = ts
  .sortAndDeduplicateDiagnostics(ts.getPreEmitDiagnostics(program))
  .map((one) => ({ ...one, text: ts.flattenDiagnosticMessageText(one.messageText, '\n') }))

// The compiler may omit unknown properties if another property has a wrong type.
/** @param {ts.SourceFile} file @param {ts.Node} node */
function findUnknownProperties(file, node) {
  const checker = program.getTypeChecker()
  const type = ts.isObjectLiteralExpression(node) ? checker.getContextualType(node) : undefined
  if (ts.isObjectLiteralExpression(node) && type?.aliasSymbol?.name === 'RekeyConfig') {
    for (const { name } of node.properties) {
      if (name === undefined || !ts.isIdentifier(name) || type.getProperty(name.text)) continue
      const start = name.getStart(file)
      if (mistakes.some((known) => known.file === file && known.start === start)) continue
      mistakes.push({
        file,
        start,
        code: 2353,
        text: `'${name.text}' does not exist in type 'RekeyConfig'.`,
      })
    }
  }
  ts.forEachChild(node, (child) => findUnknownProperties(file, child))
}

for (const name of fileNames) {
  const file = program.getSourceFile(name)
  if (file !== undefined) findUnknownProperties(file, file)
}
for (const { file, start = 0, code, text } of mistakes) {
  const { line, character } = file?.getLineAndCharacterOfPosition(start) ?? { line: 0, character: 0 }
  const place = file && `${path.relative(cwd, file.fileName)}:${line + 1}:${character + 1} - `
  console.error(`${place ?? ''}error TS${code}: ${text}`)
}
process.exit(mistakes.length === 0 ? 0 : 1)
