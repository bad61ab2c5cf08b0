import { MIMEType } from 'node:util'

export type Decoded = { ok: true; text: string } | { ok: false; detail: string }

/** Reads bytes as UTF-8. U+FEFF is a character like others here: a password may begin with it. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  // Decoded in the forgiving way and written again, it differs from the first byte on that is not UTF-8.
  const again = new TextEncoder().encode(text)
  const broken = again.findIndex((byte, index) => byte !== bytes[index])
  if (broken !== -1) return { ok: false, detail: `Invalid UTF-8: byte ${broken}` }
  return { ok: true, text }
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
export function declaresOtherCharset(type: MIMEType | undefined): boolean {
  const charset = type?.params.get('charset') ?? 'utf-8'
  return !/^utf-?8$/i.test(charset)
}
