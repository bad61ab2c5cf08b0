/** Whether the process responds; does not use the database. */
export function GET(): Response {
  return Response.json({ status: 'ok' })
}
