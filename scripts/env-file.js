// Node's own parser (`util.parseEnv`) silently truncates values and drops lines: docs/decisions/0023.
import { lstatSync, readFileSync } from 'node:fs'

// `problems` and `notes` must not quote a value.
/** @typedef {{ values: Record<string, string>, problems: string[], notes: string[] }} EnvFile */

const advice = 'put the value in quotes, or write white space before and after the # of a comment'

/**
 * Adds the settings of `.env` to `env`, unless the file has a problem. A variable that is already set wins, unless it is blank.
 * @param {string} file may be missing @param {Record<string, string | undefined>} env @returns {Pick<EnvFile, 'problems' | 'notes'>}
 */
export function loadEnvFile(file, env) {
  let bytes
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code === 'ENOENT' && lstatSync(file, { throwIfNoEntry: false }) === undefined)
      return { problems: [], notes: [] }
    return {
      problems: [
        `.env: cannot be read (${code}); make it a file that the user of Rekey can read, or remove it`,
      ],
      notes: [],
    }
  }
  const { values, problems, notes } = parseEnvFile(bytes)
  if (problems.length > 0) return { problems, notes: [] }
  for (const [name, value] of Object.entries(values)) {
    const warning = warningAbout(name)
    if (warning !== undefined) notes.push(warning)
    if ((env[name] ?? '').trim() === '') env[name] = value
    else if (value !== '' && env[name] !== value)
      notes.push(`${name}: the value of the environment is used, not the one of .env.`)
  }
  return { problems, notes }
}

/** @param {string} name */
function warningAbout(name) {
  if (name === 'NODE_ENV' || name === 'REKEY_MODE')
    return `${name}: .env has no effect on it; the command sets it.`
  if (name === 'NODE_OPTIONS' || name === 'NODE_EXTRA_CA_CERTS')
    return `${name}: Node reads it before .env is read; set it in the environment.`
  return undefined
}

/**
 * Parses `NAME=value`, also after `export `. A quoted value may have several lines; in double quotation marks, `\n` is a line break.
 * @param {Uint8Array} bytes @returns {EnvFile}
 */
export function parseEnvFile(bytes) {
  /** @type {EnvFile} */
  const read = { values: {}, problems: [], notes: [] }
  const text = decode(bytes)
  if (text === undefined) {
    read.problems.push('.env: is not saved as UTF-8; save it as UTF-8 (some editors call UTF-16 "Unicode")')
    return read
  }
  const lines = text.split(/\r\n|\n|\r/)
  /** @type {Map<string, number>} */
  const numbers = new Map()
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const number = at + 1
    if (/^[ \t]*(#|$)/.test(line)) continue
    const [, name, space = '', raw = ''] =
      /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=([ \t]*)(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined) {
      read.problems.push(`.env: line ${number} is neither NAME=value nor a comment; a comment begins with #`)
      continue
    }
    const {
      value,
      problem,
      more = 0,
    } = /^['"`]/.test(raw) ? readQuoted(raw, lines.slice(at + 1)) : readPlain(raw, space !== '')
    at += more
    if (value === undefined) {
      // Show only names that look like a setting: a stray line may be a part of a secret.
      const where = /^[A-Z][A-Z0-9_]+$/.test(name)
        ? `${name}: line ${number} of .env`
        : `.env: line ${number}`
      read.problems.push(`${where} ${problem}`)
      continue
    }
    const before = numbers.get(name)
    if (before !== undefined && read.values[name] !== value)
      read.notes.push(`${name}: .env sets it on lines ${before} and ${number}; the last one is used.`)
    numbers.set(name, number)
    read.values[name] = value
  }
  return read
}

/** Returns undefined for bytes that are not UTF-8 or contain a zero. @param {Uint8Array} bytes @returns {string | undefined} */
function decode(bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** @typedef {{ value?: string, problem?: string, more?: number }} Reading `more`: how many of the following lines belong to the value */

/** @param {string} raw starts with a quotation mark @param {string[]} following the lines below @returns {Reading} */
function readQuoted(raw, following) {
  const [quote = ''] = raw
  let rest = raw.slice(1)
  let more = 0
  while (!rest.includes(quote)) {
    if (more === following.length) return { problem: 'begins with a quotation mark that is never closed' }
    rest += `\n${following[more]}`
    more += 1
  }
  const end = rest.indexOf(quote)
  if (!/^(?:[ \t]*|[ \t]+#.*)$/.test(rest.slice(end + 1)))
    return {
      problem: 'has text after its closing quotation mark; put the whole value in quotes of another kind',
      more,
    }
  const value = rest.slice(0, end)
  return { value: quote === '"' ? value.replaceAll('\\n', '\n') : value, more }
}

/** @param {string} raw @param {boolean} spaced whether white space precedes it @returns {Reading} */
function readPlain(raw, spaced) {
  const [, value = '', mark] = /^([^#]*)(#.*)?$/.exec(raw) ?? []
  if (mark === undefined) return { value }
  const comment = /^#+([ \t]|$)/.test(mark) && (value === '' ? spaced : /[ \t]$/.test(value))
  return comment ? { value: value.trimEnd() } : { problem: `has a # that would cut the value; ${advice}` }
}
