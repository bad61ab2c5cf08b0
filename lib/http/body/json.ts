export type Parsed = { ok: true; value: unknown } | { ok: false; detail: string }

/** The most levels of lists and objects inside the outermost one. */
const deepest = 32

/**
 * Parses JSON. A number that is spelled as an integer becomes a `bigint`, any other number a `number`. Objects have no prototype.
 *
 * @returns the value; or a fixed phrase, because the message of `JSON.parse` quotes the text, which may contain a password
 */
export function parseJson(text: string): Parsed {
  // A reviver makes JSON.parse recursive: it overflows the stack at some thousands of levels.
  if (depthOf(text) > 1 + deepest) return { ok: false, detail: 'Nested too deeply' }
  try {
    return { ok: true, value: JSON.parse(text, revive) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { ok: false, detail: 'Malformed' }
  }
}

/** Returns how deep brackets are nested outside strings. */
function depthOf(text: string): number {
  let [depth, most] = [0, 0]
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"?|[[{\]}]/gs)) {
    if (token === '[' || token === '{') most = Math.max(most, (depth += 1))
    else if (token === ']' || token === '}') depth -= 1
  }
  return most
}

/** `context.source` is the spelling of a number (Node 21 and newer). */
function revive(_key: string, value: unknown, context?: { source: string }): unknown {
  if (typeof value === 'number') return /^-?\d+$/.test(context!.source) ? BigInt(context!.source) : value
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) Object.setPrototypeOf(value, null)
  return value
}
