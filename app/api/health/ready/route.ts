import { services } from '@/lib/services'

/** Whether the process can serve: the database answers. */
export async function GET(): Promise<Response> {
  const { database, log } = services()
  try {
    await database.prisma.$queryRaw`SELECT 1`
    return Response.json({ status: 'ok' })
  } catch (error) {
    log.warn({ err: error, event: 'not_ready' })
    return Response.json({ status: 'unavailable' }, { status: 503, headers: { 'Retry-After': '5' } })
  }
}
