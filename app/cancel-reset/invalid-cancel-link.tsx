import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { BrokenLinkIcon, CheckIcon, ClockIcon, EnvelopeIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'
import { RequestLink } from '@/app/link/invalid-link'

const appearances = {
  expired: { icon: <ClockIcon className="size-7" />, tone: 'accent' },
  used: { icon: <CheckIcon className="size-7" />, tone: 'accent' },
  damaged: { icon: <BrokenLinkIcon className="size-7" />, tone: 'warn' },
  missing: { icon: <EnvelopeIcon className="size-7" />, tone: 'accent' },
} as const satisfies Record<string, { icon: ReactNode; tone: string }>

export type InvalidCancelLinkKind = keyof typeof appearances

type Props = { kind: InvalidCancelLinkKind; language: Language }

export async function invalidCancelLinkTitle({ kind, language }: Props): Promise<string> {
  return (await translations({ kind, language }))(`${kind}-title`)
}

/** @param changed whether the password was changed before the link expired: the person may have to act still */
export async function InvalidCancelLink({ kind, changed, language }: Props & { changed: boolean }) {
  const t = await translations({ kind, language })
  const { enabled } = services().settings.reset
  const expiredAfterChange = kind === 'expired' && changed
  return (
    <>
      <PageHeading {...appearances[kind]} title={t(`${kind}-title`)}>
        <p>{t(expiredAfterChange ? 'lead-changed' : `${kind}-lead`)}</p>
        {kind === 'used' && enabled && <p className="mt-3 text-ink">{t('used-changed')}</p>}
      </PageHeading>
      {expiredAfterChange && enabled && <RequestLink language={language} />}
    </>
  )
}

/** The messages for a missing link are those of the reset page. */
function translations({ kind, language }: Props) {
  const namespace = kind === 'missing' ? 'pages.dead-link' : 'pages.cancel'
  return getTranslations({ locale: language, namespace })
}
