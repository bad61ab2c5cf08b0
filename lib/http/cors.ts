/** The headers that scripts may read in addition to those that CORS always exposes, such as `Content-Language`. */
export const exposedHeaders = 'Retry-After, Error-Codes, X-Request-Id'

/**
 * Returns the headers that let a script of an allowed origin read a response; none for any other origin. Some front ends that were
 * written for DRR send `credentials: 'include'`, for which browsers require the exact origin and `Access-Control-Allow-Credentials`.
 *
 * @param origin the request's `Origin`; compared as a whole (requirement H9)
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
 * Returns the additional headers of the response to a preflight from an allowed origin. Allows all valid header names, because
 * clients send CSRF and tracing headers of various names. These have no effect: the server in front of Next drops them.
 *
 * `Access-Control-Allow-Private-Network` is not sent: Chrome no longer requests it but shows a prompt (Local Network Access,
 * Chrome 142), and a service on the internet does not need it.
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

/** The most header names that one preflight may request, and the most characters of their list. */
const mostNames = 64
const longestList = 2048

/** A field name (RFC 9110 §5.1), but not `*`, which is a wildcard in the response. */
const fieldName = /^(?!\*$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Splits a list of header names. Returns none at all if one is invalid, there are too many or the list is too long. */
function requestedNames(list: string): string[] {
  if (list.length > longestList) return []
  const names = list.split(',').map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''))
  return names.length <= mostNames && names.every((name) => fieldName.test(name)) ? names : []
}
