import { requireLetter } from '@/app/dev/mailbox/mailbox'

/** A caught letter as it would have gone over the wire. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ id: string }> },
): Promise<Response> {
  const { source } = await requireLetter((await params).id)
  return new Response(source, {
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
      'X-Robots-Tag': 'noindex',
      'Cache-Control': 'no-store',
    },
  })
}
