import { requireEmail } from '@/app/dev/mailbox/mailbox'
import { frameHtml, framePolicy, parseColorScheme } from './preview-html'

export async function GET(
  request: Request,
  { params }: { params: Promise<{ id: string }> },
): Promise<Response> {
  const { html } = await requireEmail((await params).id)
  const scheme = parseColorScheme(new URL(request.url).searchParams.get('scheme'))
  return new Response(frameHtml(html, scheme), {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': framePolicy,
      'X-Frame-Options': 'SAMEORIGIN',
      'X-Robots-Tag': 'noindex',
      'Cache-Control': 'no-store',
    },
  })
}
