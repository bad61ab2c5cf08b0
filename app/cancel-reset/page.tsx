import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { Button } from '@/components/button'
import { Frame } from '@/components/frame'
import { AlertIcon, BrokenLinkIcon, CheckIcon, ClockIcon, CloudIcon } from '@/components/icons'
import { Notice } from '@/components/notice'
import { PageHeading } from '@/components/page-heading'
import { cancelShape } from '@/lib/inputs'
import { storedLanguage, type Language } from '@/lib/languages'
import { services } from '@/lib/services'
import { troubleWords } from '../form-words'
import { readProblems, troubles, type Query } from '../problems'
import { ForgetAddress } from '../reset-password/forget-address'
import { LinkFields } from '../reset-password/link-fields'
import { readLinkParameters, type LinkParameters } from '../reset-password/link-parameters'
import { chosenLanguage, keepLanguage, visitorLanguage } from '../words'

/**
 * Where "this wasn't me" leads. Loading it does nothing, since mail scanners load it too: a person presses the button.
 * No account is named, because the link is worth less than one that resets.
 */
export default async function CancelPage({ searchParams }: { searchParams: Promise<Query> }) {
  const query = await searchParams
  const link = readLinkParameters(query)
  const chosen = chosenLanguage(query)
  const visitors = await visitorLanguage(chosen)
  const found = typeof link === 'string' ? ({ state: 'signature-invalid' } as const) : await judge(link)
  if (found.state !== 'holds' || typeof link === 'string')
    return <Dead language={visitors} state={found.state} />

  const language = chosen ?? storedLanguage(found.locale) ?? visitors
  const t = await getTranslations({ locale: language, namespace: 'pages.cancel' })
  const words = await troubleWords(language)
  const [trouble] = readProblems(query.problem, troubles)
  return (
    <Frame language={language} title={t('title')} menu={{ path: '/cancel-reset/', link }}>
      <ForgetAddress path="/cancel-reset/" />
      <PageHeading icon={<AlertIcon className="size-7" />} tone="warn" title={t('title')}>
        <p>{found.newLink ? t('lead-changed') : t('lead')}</p>
      </PageHeading>
      <Notice>{trouble && words[trouble]}</Notice>
      <ul className="mt-6 list-disc space-y-1.5 ps-5 marker:text-accent">
        <li>{t('stops')}</li>
        <li>{t('pause')}</li>
        {found.newLink && <li>{t('new-link')}</li>}
      </ul>
      <form
        method="post"
        action={await keepLanguage('/api/v1/accounts/cancel-reset-password/', language)}
        className="mt-8"
      >
        <LinkFields link={link} />
        <Button type="submit" className="w-full sm:w-auto">
          {found.newLink ? t('submit-changed') : t('submit')}
        </Button>
      </form>
      <p className="mt-5 text-sm text-muted">{t('was-me')}</p>
    </Frame>
  )
}

async function judge(link: LinkParameters) {
  const { passwordReset, log } = services()
  const { data } = cancelShape().safeParse(link)
  if (data === undefined) return { state: 'signature-invalid' } as const
  try {
    return await passwordReset.lookAtCancel(data)
  } catch (error) {
    log.error({ err: error, event: 'link_not_judged' })
    return { state: 'unavailable' } as const
  }
}

type DeadState = 'holds' | 'signature-expired' | 'signature-used' | 'signature-invalid' | 'unavailable'

const kinds = {
  'signature-expired': { name: 'expired', icon: <ClockIcon className="size-7" />, tone: 'accent' },
  'signature-used': { name: 'used', icon: <CheckIcon className="size-7" />, tone: 'accent' },
  'signature-invalid': { name: 'damaged', icon: <BrokenLinkIcon className="size-7" />, tone: 'warn' },
  unavailable: { name: 'away', icon: <CloudIcon className="size-7" />, tone: 'warn' },
} as const satisfies Record<string, { name: string; icon: ReactNode; tone: string }>

async function Dead({ language, state }: { language: Language; state: DeadState }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.cancel' })
  const { name, icon, tone } = kinds[state === 'holds' ? 'signature-invalid' : state]
  return (
    <Frame language={language} title={t(`${name}-title`)} menu={{ path: '/cancel-reset/' }}>
      <ForgetAddress path="/cancel-reset/" />
      <PageHeading icon={icon} tone={tone} title={t(`${name}-title`)}>
        <p>{t(`${name}-lead`)}</p>
      </PageHeading>
    </Frame>
  )
}
