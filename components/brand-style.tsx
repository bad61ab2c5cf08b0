import { headers } from 'next/headers'
import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { mailtoUri } from '@/lib/addresses/email-address'
import { readableAccents } from '@/lib/theme/brand'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'

/** The colours are `#rrggbb`, so the style sheet needs no escaping. */
export async function brandStyle(): Promise<ReactNode> {
  const { brandColor } = services().settings.branding
  if (brandColor === undefined) return undefined
  const { light, dark } = readableAccents(brandColor)
  const rule = ({ accent, onAccent }: typeof light) => `:root{--accent:${accent};--on-accent:${onAccent}}`
  return (
    <style nonce={(await headers()).get('x-nonce') ?? undefined}>
      {`${rule(light)}@media (prefers-color-scheme:dark){${rule(dark)}}`}
    </style>
  )
}

export async function helpLine(language: Language): Promise<ReactNode> {
  const address = services().settings.branding.supportEmail?.replace(/^.*<|>$/g, '')
  if (address === undefined) return undefined
  const t = await getTranslations({ locale: language, namespace: 'pages.frame' })
  return t.rich('help', {
    email: () => (
      <a key="email" className="text-link inline-block py-1 wrap-anywhere" href={mailtoUri(address)}>
        {address}
      </a>
    ),
  })
}
