/** Responds with 200 as long as the process responds at all; does not use the database. */
export function GET(): Response {
  return Response.json({ status: 'ok' })
}
