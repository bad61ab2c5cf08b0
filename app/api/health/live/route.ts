/** The liveness check does not depend on the database. */
export function GET(): Response {
  return Response.json({ status: 'ok' })
}
