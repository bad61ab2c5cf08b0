/** The liveness check: responds with 200 without using the database. */
export function GET(): Response {
  return Response.json({ status: 'ok' })
}
