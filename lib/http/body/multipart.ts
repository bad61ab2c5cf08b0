import { randomUUID } from 'node:crypto'
import type { MIMEType } from 'node:util'
import type { Parsed } from './json'
import { decodeUtf8 } from './text'

/** Replaces an uploaded file, because no field accepts one. */
const uploadedFile = Object.freeze({ uploaded: 'file' })

/**
 * Matches a line that declares a transfer encoding such as base64 (deprecated by RFC 7578 §4.7), or a charset other than UTF-8. The
 * platform's parser ignores most of them, so a password could be hashed as another text than was typed.
 */
const recoded =
  /^[ \t]*content-(?:transfer-encoding[ \t]*:(?![ \t]*(?:7bit|8bit|binary)[ \t]*$)|type[ \t]*:.*charset=(?!"?utf-?8"?[ \t]*(?:;|$)))/im

/** Parses `multipart/form-data`; the last of duplicate fields counts. */
export async function parseMultipart(bytes: Uint8Array, type: MIMEType): Promise<Parsed> {
  // The platform's parser accepts invalid UTF-8, and in Node 22 drops a leading U+FEFF. So the bytes are parsed as Latin-1 first.
  const characters = Buffer.from(bytes).toString('latin1')
  if (recoded.test(characters)) return { ok: false, detail: 'Unsupported encoding of a part' }
  const boundary = type.params.get('boundary')
  if (!boundary) return { ok: false, detail: 'Malformed' }
  // The platform's parser also finds the boundary within a line, so a short boundary could split a field.
  const ownBoundary = randomUUID()
  const body = `\r\n${characters}`.replaceAll(`\r\n--${boundary}`, `\r\n--${ownBoundary}`)
  let parts: FormData
  try {
    const headers = { 'Content-Type': `${type.essence}; boundary=${ownBoundary}` }
    parts = await new Response(body, { headers }).formData()
  } catch {
    return { ok: false, detail: 'Malformed' }
  }
  const fields: Record<string, unknown> = Object.create(null)
  // Names of fields are not decoded, because all known ones are ASCII.
  for (const [name, value] of parts) {
    if (typeof value === 'string') {
      const decoded = decodeUtf8(Buffer.from(value, 'latin1'))
      if (!decoded.ok) return decoded
      fields[name] = decoded.text
    } else if (value.name !== '') fields[name] = uploadedFile
  }
  return { ok: true, value: fields }
}
