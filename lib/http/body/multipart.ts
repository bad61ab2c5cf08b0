import { randomUUID } from 'node:crypto'
import type { MIMEType } from 'node:util'
import { decodeUtf8 } from './text'

export type ParsedMultipart = { ok: true; value: Record<string, unknown> } | { ok: false; detail: string }

/** Stands where a form has an uploaded file. No field takes one, so its content is dropped. */
const uploadedFile = Object.freeze({ uploaded: 'file' })

/**
 * A header of a part that gives its bytes another meaning than UTF-8: RFC 7578 §4.7 has done away with such encodings,
 * the platform follows one of them and no charset, and a password would be hashed as something else than was typed.
 */
const recoded =
  /^[ \t]*content-(?:transfer-encoding[ \t]*:(?![ \t]*(?:7bit|8bit|binary)[ \t]*$)|type[ \t]*:.*charset=(?!"?utf-?8"?[ \t]*(?:;|$)))/im

/**
 * Parses `multipart/form-data` with the platform's parser.
 *
 * @param type the body's own, with its boundary
 * @returns the fields, of duplicates the last; or a fixed phrase
 */
export async function parseMultipart(bytes: Uint8Array, type: MIMEType): Promise<ParsedMultipart> {
  // The platform decodes wrong UTF-8 without a word, and Node 22 drops a U+FEFF at the start of a field. So it gets a
  // character for each byte, and what it finds is turned back into bytes and decoded here.
  const characters = Buffer.from(bytes).toString('latin1')
  if (recoded.test(characters)) return { ok: false, detail: 'Unsupported encoding of a part' }
  const boundary = type.params.get('boundary')
  if (!boundary) return { ok: false, detail: 'Malformed' }
  // The platform takes the boundary for one wherever it occurs, within a line, too: a short one breaks a field that holds it.
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
  // Names stay as they are: those that have a meaning are ASCII.
  for (const [name, value] of parts) {
    if (typeof value === 'string') {
      const decoded = decodeUtf8(Buffer.from(value, 'latin1'))
      if (!decoded.ok) return decoded
      fields[name] = decoded.text
    } else if (value.name !== '') fields[name] = uploadedFile
  }
  return { ok: true, value: fields }
}
