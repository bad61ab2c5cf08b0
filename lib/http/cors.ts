/** What scripts may read besides what CORS always lets them read, such as `Content-Language`. */
export const exposedHeaders = 'Retry-After, Error-Codes, X-Request-Id'

/**
 * The headers that let a script of an allowed origin read an answer, with cookies or without: front ends written for DRR
 * send `credentials: 'include'`, and the browser then asks for the exact origin and for permission by name.
 *
 * @param origin the request's `Origin`; compared as a whole (requirement H9)
 * @returns nothing for any other origin
 */
export function corsHeaders(
  origin: string | null | undefined,
  allowedOrigins: readonly string[],
): Record<string, string> {
  if (!origin || !allowedOrigins.includes(origin)) return {}
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': exposedHeaders,
  }
}

/**
 * What a preflight from an allowed origin is told besides. Header names are allowed as they are asked for, because a
 * client's CSRF and tracing headers cannot be listed; the server in front drops them, so they change nothing.
 *
 * `Access-Control-Allow-Private-Network` is not among them: browsers no longer ask for it and ask the person instead
 * (Local Network Access, Chrome 142), and a service on the internet has no use for it.
 *
 * @param requestedHeaders the request's `Access-Control-Request-Headers`
 */
export function preflightOnlyHeaders(requestedHeaders: string | null): Record<string, string> {
  const names = requestedNames(requestedHeaders ?? '')
  return {
    'Access-Control-Allow-Methods': 'POST',
    ...(names.length > 0 && { 'Access-Control-Allow-Headers': names.join(', ') }),
    'Access-Control-Max-Age': '600',
    Vary: 'Origin, Access-Control-Request-Headers',
  }
}

/** Header names that one preflight may ask for, and how long their list may be in bytes. */
const mostNames = 64
const longestList = 2048

/** A field name (RFC 9110 §5.1). A lone `*` is one too, but in the answer it would mean every header. */
const fieldName = /^(?!\*$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** The names in a list of header names; none where any of them is not a name, or where there are too many. */
function requestedNames(list: string): string[] {
  if (list.length > longestList) return []
  const names = list.split(',').map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''))
  return names.length <= mostNames && names.every((name) => fieldName.test(name)) ? names : []
}
