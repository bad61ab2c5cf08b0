import { declaresOtherCharset, decodeUtf8, readMediaType } from './text'

export type ParsedMultipart = { ok: true; value: Record<string, unknown> } | { ok: false; detail: string }

/** Stands where a form has an uploaded file. No field takes one, so its content is dropped. */
const uploadedFile = Object.freeze({ uploaded: 'file' })

/** Encodings of a part that leave its bytes as they are (RFC 7578 §4.7 has done away with all others). */
const plain = /^(?:7bit|8bit|binary)$/i

/**
 * Parses `multipart/form-data` as Django does: the parts are what lies between boundaries, wherever those stand, and
 * what has no headers is no part. So where the declared boundary never occurs, the whole body is one part.
 *
 * @param boundary as declared; null where none was
 * @returns the fields, of duplicates the last; or a fixed phrase
 */
export function parseMultipart(bytes: Uint8Array, boundary: string | null): ParsedMultipart {
  if (boundary === null || !/^[ -~]{0,200}[!-~]$/.test(boundary))
    return { ok: false, detail: 'Invalid boundary' }
  const fields: Record<string, unknown> = Object.create(null)
  // Latin-1 has one character for each byte, so that a part can be turned back into its bytes.
  for (const part of Buffer.from(bytes).toString('latin1').split(`--${boundary}`)) {
    const headersEnd = part.indexOf('\r\n\r\n')
    if (headersEnd === -1) continue
    const headers = readHeaders(part.slice(0, headersEnd))
    const { name, filename } = readParameters(headers['content-disposition'] ?? '')
    if (name === undefined || filename === '') continue
    if (filename !== undefined) {
      fields[name] = uploadedFile
      continue
    }
    if (!plain.test(headers['content-transfer-encoding'] ?? 'binary')) {
      return { ok: false, detail: 'Unsupported transfer encoding of a part' }
    }
    if (declaresOtherCharset(readMediaType(headers['content-type'] ?? ''))) {
      return { ok: false, detail: 'Unsupported charset of a part' }
    }
    const content = part.slice(headersEnd + 4).replace(/\r?\n$/, '')
    const decoded = decodeUtf8(Buffer.from(content, 'latin1'))
    if (!decoded.ok) return decoded
    fields[name] = decoded.text
  }
  return { ok: true, value: fields }
}

function readHeaders(block: string): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const line of block.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon !== -1) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
  }
  return headers
}

/** The name of a field, and of a file, which may be given in either of two spellings. */
function readParameters(disposition: string): { name?: string; filename?: string } {
  const parameters: Record<string, string> = Object.create(null)
  for (const [, name = '', value = ''] of disposition.matchAll(
    /;\s*([^=;\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)/g,
  )) {
    const quoted = value.startsWith('"') && value.endsWith('"') && value.length > 1
    parameters[name.toLowerCase()] = quoted ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value.trim()
  }
  const { name, filename = parameters['filename*'] } = parameters
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(filename === undefined ? {} : { filename }),
  }
}
