/** Answers as little as a handler can. */
export function POST() {
  return Response.json({})
}
