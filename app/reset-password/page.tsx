import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { Frame } from '@/components/page-layout'
import { PageHeading } from '@/components/page-heading'
import { parseFormErrors } from '@/lib/http/form-errors'
import { cancelShape } from '@/lib/http/request-schemas'
import { storedLanguage, type Language } from '@/lib/i18n/locales'
import { pathInApp } from '@/lib/config/own-path'
import { services } from '@/services'
import { chosenLanguage, keepLanguage, visitorLanguage } from '@/app/i18n/request'
import {
  DamagedLink,
  deadLinkTitle,
  ExpiredLink,
  MissingLink,
  UncheckedLink,
  UsedLink,
} from '@/app/link/invalid-link'
import { Expiry } from './expiry'
import { ForgetAddress } from '@/app/link/hide-link-from-url'
import { damagedLink, readLinkParameters, type LinkParameters, type Query } from '@/app/link/parse-link'
import { resetFormMessages } from './reset-form-messages'
import { ResetPasswordForm } from './reset-password-form'

type LivingLink = Extract<Awaited<ReturnType<typeof judge>>, { state: 'holds' }>

/**
 * Where the mailed link leads. Loading it changes nothing, however often and by whatever: only sending the form does
 * (RFC 9110 §9.2.1). The account is named while its link holds, and never otherwise.
 */
export default async function ResetPasswordPage({ searchParams }: { searchParams: Promise<Query> }) {
  const query = await searchParams
  const language = await visitorLanguage()
  const link = readLinkParameters(services().links, 'reset', query)
  if (link === 'none')
    return <Dead language={language} kind="missing" body={<MissingLink language={language} />} />
  if (link === 'damaged')
    return (
      <Dead
        language={language}
        kind="damaged"
        link={damagedLink}
        body={<DamagedLink language={language} />}
      />
    )

  const found = await judge(link)
  switch (found.state) {
    case 'holds':
      return <Living visitors={language} link={link} found={found} error={query.error} />
    case 'signature-expired':
      return (
        <Dead
          language={language}
          kind="expired"
          link={link}
          body={<ExpiredLink language={language} link={link} />}
        />
      )
    case 'signature-used':
      return (
        <Dead
          language={language}
          kind="used"
          link={link}
          body={<UsedLink language={language} link={link} />}
        />
      )
    case 'signature-invalid':
      return (
        <Dead language={language} kind="damaged" link={link} body={<DamagedLink language={language} />} />
      )
    case 'unavailable':
      return (
        <Dead
          language={language}
          kind="away"
          link={link}
          body={<UncheckedLink language={language} link={link} />}
        />
      )
  }
}

/** Reads a link without using it. A service that is away has a page of its own, which needs no script to be shown. */
async function judge(link: LinkParameters) {
  const { passwordReset, log } = services()
  const { data } = cancelShape().safeParse(link)
  if (data === undefined) return { state: 'signature-invalid' } as const
  try {
    return await passwordReset.inspectLink(data)
  } catch (error) {
    log.error({ err: error, event: 'link_not_judged' })
    return { state: 'unavailable' } as const
  }
}

async function Dead({
  language,
  kind,
  link,
  body,
}: {
  language: Language
  link?: Record<string, string>
  kind: Parameters<typeof deadLinkTitle>[0]
  body: ReactNode
}) {
  return (
    <Frame language={language} title={await deadLinkTitle(kind, language)} step={2} link={link}>
      <ForgetAddress path={pathInApp(services().settings, '/reset-password/')} />
      {body}
    </Frame>
  )
}

async function Living({
  visitors,
  link,
  found: { account, expiresAt },
  error,
}: {
  visitors: Language
  link: LinkParameters
  found: LivingLink
  error: Query[string]
}) {
  // The email was in the account's language, so the page that it leads to is.
  const language = (await chosenLanguage()) ?? storedLanguage(account.locale) ?? visitors
  const t = await getTranslations({ locale: language, namespace: 'pages.reset' })
  const { settings, policy, users } = services()
  const words = await resetFormMessages(language, policy.ruleSettings, users)
  const signInName = settings.reset.loginFields.includes('username') ? account.signInName : account.email
  return (
    <Frame language={language} title={t('title')} step={3} link={link}>
      <ForgetAddress path={pathInApp(services().settings, '/reset-password/')} />
      <ResetPasswordForm
        language={language}
        endpoint={await keepLanguage('/api/v1/accounts/reset-password/', language)}
        donePath={await keepLanguage('/reset-password/done/', language)}
        link={link}
        signInName={signInName}
        known={[account.signInName, signInName, settings.look.appName]}
        policy={policy.ruleSettings}
        passwordConfirm={settings.reset.passwordConfirm}
        errors={parseFormErrors(error, ['password', 'password_confirm'])}
        words={words}
        heading={
          <PageHeading title={t('title')}>
            <p>
              {t.rich('for', {
                account: () => (
                  <bdi key="account" className="font-semibold wrap-anywhere text-ink">
                    {account.signInName}
                  </bdi>
                ),
              })}
            </p>
            <Expiry
              expiresAt={expiresAt.getTime()}
              language={language}
              words={{
                until: String(t.raw('lives-until')),
                for: t('lives-for', { minutes: minutesUntil(expiresAt) }),
              }}
            />
          </PageHeading>
        }
        deadLinks={{
          'signature-expired': {
            title: `${await deadLinkTitle('expired', language)} · ${settings.look.appName}`,
            body: <ExpiredLink language={language} link={link} />,
          },
          'signature-used': {
            title: `${await deadLinkTitle('used', language)} · ${settings.look.appName}`,
            body: <UsedLink language={language} link={link} />,
          },
          'signature-invalid': {
            title: `${await deadLinkTitle('damaged', language)} · ${settings.look.appName}`,
            body: <DamagedLink language={language} />,
          },
        }}
      />
    </Frame>
  )
}

/** Whole minutes from now, none of them promised that is not there; at least one. */
function minutesUntil(date: Date): number {
  return Math.max(1, Math.floor((date.getTime() - Date.now()) / 60_000))
}
