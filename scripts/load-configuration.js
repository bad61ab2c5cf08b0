import path from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Loads the compiled `rekey.config.ts`. @throws Error with type and place of an error in it, whose message may quote a secret (L3)
 * @param {string} directory the directory of the compiled code
 */
export async function loadConfiguration(directory) {
  process.setSourceMapsEnabled(true)
  try {
    await import(pathToFileURL(path.resolve(directory, 'rekey.config.js')).href)
  } catch (error) {
    throw new Error(
      `${placeOf(error)} - ${kindOf(error)}, thrown while rekey.config.ts was loaded. Its message is not shown: it may quote a secret.\n` +
        'Correct that line (and run `npm run build`) or the variable that it reads, then try again.',
      { cause: error },
    )
  } finally {
    process.setSourceMapsEnabled(false)
  }
}

/** @param {unknown} error @returns {string} the innermost place in the stack outside node_modules, else `rekey.config.ts` */
function placeOf(error) {
  const stack = error instanceof Error ? String(error.stack) : ''
  for (const [, file = '', place] of stack.matchAll(
    /^\s+at .*?(?:file:\/\/)?(\/[^\s()]+?):(\d+:\d+)\)?$/gm,
  )) {
    if (!file.includes('/node_modules/')) return `${path.relative('.', file)}:${place}`
  }
  return 'rekey.config.ts'
}

/** @param {unknown} error */
function kindOf(error) {
  if (!(error instanceof Error)) return 'a value that is no error'
  // Node's message names only the missing package or file.
  const isMissing = 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
  return isMissing ? `${error.name}: ${error.message.replace(/ imported from .*/s, '')}` : error.name
}
