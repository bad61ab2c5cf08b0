import { isUtf8 } from 'node:buffer'
import { MIMEType } from 'node:util'

type DecodedText = { ok: true; text: string } | { ok: false; detail: string }

/** Decodes UTF-8. Keeps U+FEFF at the start, because it may be the first character of a password. */
export function decodeUtf8(bytes: Uint8Array): DecodedText {
  if (!isUtf8(bytes)) return { ok: false, detail: 'Invalid UTF-8' }
  return { ok: true, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) }
}

/** In characters. Node's parser takes quadratic time on white space. */
const longestMediaType = 512

/** Returns undefined if the header is empty, invalid or too long. */
export function readMediaType(contentType: string): MIMEType | undefined {
  if (contentType.length > longestMediaType) return undefined
  try {
    return new MIMEType(contentType)
  } catch {
    return undefined
  }
}

export function declaresOtherCharset(type: MIMEType): boolean {
  const charset = type.params.get('charset') ?? 'utf-8'
  return !/^utf-?8$/i.test(charset)
}
