import { services } from '@/services'

export async function GET(): Promise<Response> {
  return (await services().database.isReady())
    ? Response.json({ status: 'ok' })
    : Response.json({ status: 'unavailable' }, { status: 503, headers: { 'Retry-After': '5' } })
}
