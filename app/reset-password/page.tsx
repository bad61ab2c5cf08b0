import { getTranslations } from 'next-intl/server'
import type { ReactNode } from 'react'
import { documentTitle } from '@/components/document'
import { PageLayout } from '@/components/page-layout'
import { PageHeading } from '@/components/page-heading'
import { parseFormErrors } from '@/lib/http/form-errors'
import { languageOfLocale, type Language } from '@/lib/i18n/locales'
import type { InspectedLink } from '@/lib/password-reset/inspect-link'
import { services } from '@/services'
import { chosenLanguage, pathInLanguage, visitorLanguage } from '@/app/i18n/request'
import { inspectParameters } from '@/app/link/inspect-parameters'
import {
  DamagedLink,
  linkProblemTitle,
  ExpiredLink,
  MissingLink,
  UncheckedLink,
  UsedLink,
} from '@/app/link/invalid-link'
import { LinkExpiry } from './expiry'
import { RemoveLinkFromUrl } from '@/app/link/remove-link-from-url'
import {
  damagedLinkMarker,
  readLinkParameters,
  type LinkParameters,
  type PageQuery,
} from '@/app/link/parse-link'
import { resetFormMessages } from './reset-form-messages'
import { ResetPasswordForm } from './reset-password-form'

type ValidLink = Extract<InspectedLink, { state: 'valid' }>

/** The page of a reset link. Mail scanners load it, too, so loading it does not use the link (RFC 9110 §9.2.1). */
export default async function ResetPasswordPage({ searchParams }: { searchParams: Promise<PageQuery> }) {
  const query = await searchParams
  const language = await visitorLanguage()
  const link = readLinkParameters(services().links, 'reset', query)
  if (link === 'none')
    return <InvalidLinkPage language={language} kind="missing" body={<MissingLink language={language} />} />
  if (link === 'damaged')
    return (
      <InvalidLinkPage
        language={language}
        kind="damaged"
        link={damagedLinkMarker}
        body={<DamagedLink language={language} />}
      />
    )

  const found = await inspectParameters(link, services().passwordReset.inspectLink)
  switch (found.state) {
    case 'valid':
      return <ValidLinkPage visitors={language} link={link} found={found} error={query.error} />
    case 'signature-expired':
      return (
        <InvalidLinkPage
          language={language}
          kind="expired"
          link={link}
          body={<ExpiredLink language={language} link={link} />}
        />
      )
    case 'signature-used':
      return (
        <InvalidLinkPage
          language={language}
          kind="used"
          link={link}
          body={<UsedLink language={language} link={link} />}
        />
      )
    case 'signature-invalid':
      return (
        <InvalidLinkPage
          language={language}
          kind="damaged"
          link={link}
          body={<DamagedLink language={language} />}
        />
      )
    case 'unavailable':
      return (
        <InvalidLinkPage
          language={language}
          kind="away"
          link={link}
          body={<UncheckedLink language={language} link={link} />}
        />
      )
  }
}

async function InvalidLinkPage({
  language,
  kind,
  link,
  body,
}: {
  language: Language
  link?: Record<string, string>
  kind: Parameters<typeof linkProblemTitle>[0]
  body: ReactNode
}) {
  return (
    <PageLayout language={language} title={await linkProblemTitle(kind, language)} step={2} link={link}>
      <RemoveLinkFromUrl />
      {body}
    </PageLayout>
  )
}

async function ValidLinkPage({
  visitors,
  link,
  found: { account, expiresAt },
  error,
}: {
  visitors: Language
  link: LinkParameters
  found: ValidLink
  error: PageQuery[string]
}) {
  const language = (await chosenLanguage()) ?? languageOfLocale(account.locale) ?? visitors
  const t = await getTranslations({ locale: language, namespace: 'pages.reset' })
  const { settings, policy, users } = services()
  const messages = await resetFormMessages(language, policy.ruleSettings, users)
  const signInName = settings.reset.loginFields.includes('username') ? account.signInName : account.email
  const dead = async (kind: 'expired' | 'used' | 'damaged', body: ReactNode) => ({
    title: documentTitle(await linkProblemTitle(kind, language), settings.branding.appName),
    body,
  })
  return (
    <PageLayout language={language} title={t('title')} step={3} link={link}>
      <RemoveLinkFromUrl />
      <ResetPasswordForm
        language={language}
        endpoint={await pathInLanguage('/api/v1/accounts/reset-password/', language)}
        donePath={await pathInLanguage('/reset-password/done/', language)}
        link={link}
        signInName={signInName}
        known={[account.signInName, signInName, settings.branding.appName]}
        policy={policy.ruleSettings}
        passwordConfirm={settings.reset.passwordConfirm}
        errors={parseFormErrors(error, ['password', 'password_confirm'])}
        messages={messages}
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
            <LinkExpiry
              expiresAt={expiresAt.getTime()}
              language={language}
              messages={{
                until: String(t.raw('lives-until')),
                for: t('lives-for', { minutes: minutesUntil(expiresAt) }),
              }}
            />
          </PageHeading>
        }
        invalidLinkViews={{
          'signature-expired': await dead('expired', <ExpiredLink language={language} link={link} />),
          'signature-used': await dead('used', <UsedLink language={language} link={link} />),
          'signature-invalid': await dead('damaged', <DamagedLink language={language} />),
        }}
      />
    </PageLayout>
  )
}

function minutesUntil(date: Date): number {
  return Math.max(1, Math.floor((date.getTime() - Date.now()) / 60_000))
}
