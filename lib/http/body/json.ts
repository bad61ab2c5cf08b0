export type ParsedJson = { ok: true; value: unknown } | { ok: false; detail: string }

/** Where and why a text is not JSON. Never leaves this file. */
class Malformed extends Error {
  readonly position: number
  constructor(phrase: string, position: number) {
    super(phrase)
    this.position = position
  }
}

type Container = { value: unknown[] } | { value: Record<string, unknown>; key: string }

const whiteSpace = /[ \t\n\r]*/y
const word = /true|false|null/y
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
/** A string as far as it is well-formed; its first group holds the closing quote where there is one. */
const string = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*("?)/y

/**
 * Parses JSON as Python's `json` does. `JSON.parse` does not serve: its messages quote the text, so passwords, and the
 * reviver, which alone sees how a number was written, overflows the stack on deep nesting. Here nothing recurses, and
 * the time taken is in proportion to the length.
 *
 * Integers, told by their spelling, become `bigint` with all their digits; other numbers `number`. Of duplicate keys the
 * last wins. Objects have no prototype, so that no key, `__proto__` included, does more than hold its value.
 *
 * @returns the value; or a fixed phrase and a position, counted as Python counts
 */
export function parseJson(text: string): ParsedJson {
  try {
    return { ok: true, value: read(text) }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { ok: false, detail: `${error.message}: ${describePosition(text, error.position)}` }
  }
}

function read(text: string): unknown {
  const open: Container[] = []
  let at = 0

  function take(token: RegExp): RegExpExecArray | null {
    token.lastIndex = at
    const found = token.exec(text)
    if (found) at = token.lastIndex
    return found
  }

  /** Steps over white space, and over `character` if it is next. */
  function passes(character: string): boolean {
    take(whiteSpace)
    if (text[at] !== character) return false
    at += 1
    return true
  }

  function readString(): string {
    const start = at
    const [token, quote] = take(string) ?? []
    if (token !== undefined && quote === '"') return JSON.parse(token) as string
    if (at === text.length) throw new Malformed('Unterminated string starting at', start)
    throw new Malformed(text[at] === '\\' ? 'Invalid \\escape' : 'Invalid control character at', at)
  }

  function readKey(): string {
    take(whiteSpace)
    if (text[at] !== '"') throw new Malformed('Expecting property name enclosed in double quotes', at)
    const key = readString()
    if (!passes(':')) throw new Malformed("Expecting ':' delimiter", at)
    return key
  }

  function readScalar(): unknown {
    if (text[at] === '"') return readString()
    const [literal] = take(word) ?? []
    if (literal !== undefined) return literal === 'null' ? null : literal === 'true'
    const [digits, fraction, exponent] = take(number) ?? []
    if (digits === undefined) throw new Malformed('Expecting value', at)
    return fraction === undefined && exponent === undefined ? BigInt(digits) : Number(digits)
  }

  /** Reads what begins here: a whole value; or undefined, having opened a container whose first value comes next. */
  function begin(): { value: unknown } | undefined {
    if (passes('{')) {
      const value: Record<string, unknown> = Object.create(null)
      if (passes('}')) return { value }
      open.push({ value, key: readKey() })
      return undefined
    }
    if (passes('[')) {
      if (passes(']')) return { value: [] }
      open.push({ value: [] })
      return undefined
    }
    return { value: readScalar() }
  }

  for (;;) {
    let whole = begin()
    while (whole) {
      const container = open.at(-1)
      if (!container) {
        take(whiteSpace)
        if (at < text.length) throw new Malformed('Extra data', at)
        return whole.value
      }
      if ('key' in container) container.value[container.key] = whole.value
      else container.value.push(whole.value)

      if (passes(',')) {
        if ('key' in container) container.key = readKey()
        break
      }
      if (!passes('key' in container ? '}' : ']')) throw new Malformed("Expecting ',' delimiter", at)
      open.pop()
      whole = { value: container.value }
    }
  }
}

/** In code points, as Python counts. */
function describePosition(text: string, position: number): string {
  const before = Array.from(text.slice(0, position))
  const line = before.filter((character) => character === '\n').length + 1
  return `line ${line} column ${before.length - before.lastIndexOf('\n')} (char ${before.length})`
}
