import { headers } from 'next/headers'
import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { readableAccents } from '@/lib/theme/brand'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

/** The team's colour in place of ours. Its characters are checked by the settings and made by us, so nothing can break out. */
export async function brandStyle(): Promise<ReactNode> {
  const { brandColor } = services().settings.look
  if (brandColor === undefined) return undefined
  const { light, dark } = readableAccents(brandColor)
  const rule = ({ accent, onAccent }: typeof light) => `:root{--accent:${accent};--on-accent:${onAccent}}`
  return (
    <style nonce={(await headers()).get('x-nonce') ?? undefined}>
      {`${rule(light)}@media (prefers-color-scheme:dark){${rule(dark)}}`}
    </style>
  )
}

/** Whom to write to for help, where the team names somebody. */
export async function helpLine(language: Language): Promise<ReactNode> {
  const address = services().settings.look.supportEmail?.replace(/^.*<|>$/g, '')
  if (address === undefined) return undefined
  const t = await getTranslations({ locale: language, namespace: 'pages.frame' })
  return t.rich('help', {
    email: () => (
      <a key="email" className="text-link inline-block py-1 wrap-anywhere" href={`mailto:${address}`}>
        {address}
      </a>
    ),
  })
}
