import { services } from '@/services'

/** Responds with 200 if the database responds, so that the process can serve requests, else with 503. */
export async function GET(): Promise<Response> {
  return (await services().database.isReady())
    ? Response.json({ status: 'ok' })
    : Response.json({ status: 'unavailable' }, { status: 503, headers: { 'Retry-After': '5' } })
}
