/** The headers that scripts may read besides those that CORS always exposes. */
export const exposedHeaders = 'Retry-After, Error-Codes, X-Request-Id'

/**
 * Returns the headers that let a script of an allowed origin (requirement H9) read a response. Credentials are allowed, because some
 * front ends for DRR send `credentials: 'include'`.
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
 * Returns the additional headers for a preflight from an allowed origin. Allows any valid header names, because clients send CSRF and
 * tracing headers. `Access-Control-Allow-Private-Network` is obsolete: Chrome 142 shows a prompt (Local Network Access).
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

const mostNames = 64
const longestList = 2048

/** A field name (RFC 9110 §5.1), but not `*`, which is a wildcard in the response. */
const fieldName = /^(?!\*$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Returns no names if one is invalid, there are too many or the list is too long. */
function requestedNames(list: string): string[] {
  if (list.length > longestList) return []
  const names = list.split(',').map((name) => name.replace(/^[ \t]+|[ \t]+$/g, ''))
  return names.length <= mostNames && names.every((name) => fieldName.test(name)) ? names : []
}
