import { readableAccents, type Accent } from '@/lib/theme/brand'
import { services } from '@/services'
import { theme } from '@/lib/theme/tokens'

/** Makes Next render the icon at each request, because a build has no settings. */
export const dynamic = 'force-dynamic'

export function GET(): Response {
  const { brandColor } = services().settings.branding
  const { accent, 'on-accent': ownLabel } = theme.light.colors
  const own = { accent, onAccent: ownLabel }
  return new Response(drawing(brandColor === undefined ? own : readableAccents(brandColor).light), {
    headers: { 'Content-Type': 'image/svg+xml' },
  })
}

const drawing = ({
  accent,
  onAccent,
}: Accent) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <rect width="32" height="32" rx="9" fill="${accent}"/>
  <path d="M22.5 11.2A8 8 0 1 0 24 16" fill="none" stroke="${onAccent}" stroke-width="2.4" stroke-linecap="round"/>
  <path d="M23.4 6.9v4.9h-4.9" fill="none" stroke="${onAccent}" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>
  <circle cx="16" cy="14.6" r="2.2" fill="${onAccent}"/>
  <path d="M15 15h2l.8 4.6h-3.6z" fill="${onAccent}"/>
</svg>
`
