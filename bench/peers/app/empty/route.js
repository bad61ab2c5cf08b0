/** Responds with an empty object and does nothing else. */
export function POST() {
  return Response.json({})
}
