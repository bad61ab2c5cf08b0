import { parseBodyFields, type BodySchema } from './request-schemas'
import { parseBody, pythonTypeName } from '@/lib/http/body/parse'
import { maxBodyBytes } from './guards'
import { receivedBody } from './received-body'
import { InvalidFields, ApiError, UnreadableBody } from './errors'

/** @throws InvalidFields if the fields do not match the schema */
export function requireValidFields<Output>(
  schema: BodySchema<Output, unknown>,
  fields: Record<string, unknown>,
): Output {
  const parsed = parseBodyFields(schema, fields)
  if (!parsed.ok) throw new InvalidFields(parsed.problems)
  return parsed.value
}

/**
 * Reads and parses a request's body into unvalidated fields.
 *
 * @throws ApiError if the body is too large or of an unsupported media type; UnreadableBody if it is malformed or incomplete;
 *   InvalidFields if it is not an object
 */
export async function parseRequestFields(request: Request): Promise<Record<string, unknown>> {
  const parsed = await parseBody(await readBytes(request), request.headers.get('content-type'))
  if (!parsed.ok) {
    if (parsed.problem === 'unsupported-media-type') {
      throw new ApiError('unsupported-media-type', { values: { mediaType: parsed.mediaType } })
    }
    throw new UnreadableBody(parsed.detail)
  }
  const type = pythonTypeName(parsed.value)
  if (type === 'NoneType') throw new InvalidFields({ non_field_errors: [{ code: 'no-data' }] })
  if (type !== 'dict') {
    throw new InvalidFields({ non_field_errors: [{ code: 'not-an-object', values: { type } }] })
  }
  return parsed.value as Record<string, unknown>
}

/** Converts ECONNRESET, because `isDatabaseUnavailable` would take that code for an error of the database. */
async function readBytes(request: Request): Promise<Uint8Array> {
  const received = receivedBody(request)
  if (received !== undefined) {
    if (received.byteLength > maxBodyBytes) throw new ApiError('body-too-large')
    return received
  }
  const chunks: Uint8Array[] = []
  let length = 0
  if (request.body === null) return new Uint8Array()
  try {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.byteLength
      if (length > maxBodyBytes) throw new ApiError('body-too-large')
      chunks.push(chunk)
    }
  } catch (error) {
    const hungUp = (error as NodeJS.ErrnoException).code === 'ECONNRESET'
    throw hungUp ? new UnreadableBody('Request body cut off', error) : error
  }
  return Buffer.concat(chunks)
}
