import { isUtf8 } from 'node:buffer'
import { MIMEType } from 'node:util'

export type Decoded = { ok: true; text: string } | { ok: false; detail: string }

/** Reads bytes as UTF-8. U+FEFF is a character like others here: a password may begin with it. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  if (!isUtf8(bytes)) return { ok: false, detail: 'Invalid UTF-8' }
  return { ok: true, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) }
}

/** More than any real header has. Node's reader of media types takes quadratic time on white space. */
const longestMediaType = 512

/** The media type that a Content-Type header declares; undefined where it declares none. */
export function readMediaType(contentType: string): MIMEType | undefined {
  if (contentType.length > longestMediaType) return undefined
  try {
    return new MIMEType(contentType)
  } catch {
    return undefined
  }
}

/** Whether a text says that it is in another encoding than UTF-8. */
export function declaresOtherCharset(type: MIMEType): boolean {
  const charset = type.params.get('charset') ?? 'utf-8'
  return !/^utf-?8$/i.test(charset)
}
