import type { MIMEType } from 'node:util'
import { parseJson, type Parsed } from './json'
import { parseMultipart } from './multipart'
import { declaresOtherCharset, decodeUtf8, readMediaType } from './text'

type ParsedBody =
  | { ok: true; value: unknown }
  /** `mediaType` is the Content-Type header as received; empty without one. */
  | { ok: false; problem: 'unsupported-media-type'; mediaType: string }
  /** `detail` must not quote the body, which may contain a password. */
  | { ok: false; problem: 'json-parse-error' | 'form-parse-error' | 'multipart-parse-error'; detail: string }

type Parser = {
  problem: 'json-parse-error' | 'form-parse-error' | 'multipart-parse-error'
  prefix: string
  parse: (bytes: Uint8Array, type: MIMEType) => Parsed | Promise<Parsed>
}

const parsers = new Map<string, Parser>([
  ['application/json', { problem: 'json-parse-error', prefix: 'JSON parse error', parse: asText(parseJson) }],
  [
    'application/x-www-form-urlencoded',
    { problem: 'form-parse-error', prefix: 'Form parse error', parse: asText(parseForm) },
  ],
  [
    'multipart/form-data',
    { problem: 'multipart-parse-error', prefix: 'Multipart form parse error', parse: parseMultipart },
  ],
])

/** Parses a body, whose size the caller limits. An empty body becomes an empty object, whatever its media type. */
export async function parseBody(bytes: Uint8Array, contentType: string | null): Promise<ParsedBody> {
  if (bytes.length === 0) return { ok: true, value: Object.create(null) }
  const type = readMediaType(contentType ?? '')
  const parser = type && parsers.get(type.essence)
  if (!parser) return { ok: false, problem: 'unsupported-media-type', mediaType: contentType ?? '' }

  const parsed = await parse(bytes, type, parser)
  if (parsed.ok) return parsed
  return { ok: false, problem: parser.problem, detail: `${parser.prefix} - ${parsed.detail}` }
}

function parse(bytes: Uint8Array, type: MIMEType, parser: Parser): Parsed | Promise<Parsed> {
  if (declaresOtherCharset(type)) return { ok: false, detail: 'Unsupported charset' }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return { ok: false, detail: 'Unexpected UTF-8 BOM: byte 0' }
  return parser.parse(bytes, type)
}

function asText(parse: (text: string) => Parsed): (bytes: Uint8Array) => Parsed {
  return (bytes) => {
    const decoded = decodeUtf8(bytes)
    return decoded.ok ? parse(decoded.text) : decoded
  }
}

/** Parses a URL-encoded form; the last of duplicate fields counts. */
function parseForm(text: string): Parsed {
  const fields: Record<string, string> = Object.create(null)
  for (const pair of text.split('&')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair.replaceAll('+', ' ')) ?? []
    if (pair === '') continue
    try {
      fields[percentDecode(name)] = percentDecode(value)
    } catch {
      return { ok: false, detail: 'Invalid UTF-8 in a percent escape' }
    }
  }
  return { ok: true, value: fields }
}

/** Keeps a `%` that starts no escape. @throws URIError if the decoded bytes are not UTF-8 */
function percentDecode(text: string): string {
  return decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/gi, '%25'))
}

/** Returns Python's name for the type of a parsed value, because DRR's response contains it. */
export function pythonTypeName(
  value: unknown,
): 'dict' | 'list' | 'str' | 'int' | 'float' | 'bool' | 'NoneType' {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  switch (typeof value) {
    case 'string':
      return 'str'
    case 'bigint':
      return 'int'
    case 'number':
      return 'float'
    case 'boolean':
      return 'bool'
    default:
      return 'dict'
  }
}
