import { services } from '@/services'

/** Whether the process can serve requests: the database is available. */
export async function GET(): Promise<Response> {
  return (await services().database.isReady())
    ? Response.json({ status: 'ok' })
    : Response.json({ status: 'unavailable' }, { status: 503, headers: { 'Retry-After': '5' } })
}
