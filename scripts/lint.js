// Not two commands in package.json: at a signal, the shell that runs them would exit, and the running command would go on.
import { runScriptToEnd } from './stop-signals.js'

for (const [script, ...args] of /** @type {const} */ ([
  ['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.'],
  ['node_modules/prettier/bin/prettier.cjs', '--check', '.'],
])) {
  const { code } = await runScriptToEnd(script, args)
  if (code !== 0) process.exit(code ?? 1)
}
