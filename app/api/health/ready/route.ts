import { services } from '@/services'

/** The readiness check: responds with 200 if the database responds to a query, else with 503. */
export async function GET(): Promise<Response> {
  return (await services().database.isReady())
    ? Response.json({ status: 'ok' })
    : Response.json({ status: 'unavailable' }, { status: 503, headers: { 'Retry-After': '5' } })
}
