import { getTranslations } from 'next-intl/server'
import { documentTitle } from '@/components/document'
import { PageLayout } from '@/components/page-layout'
import { AlertIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import { parseFormErrors } from '@/lib/http/form-errors'
import { languageOfLocale, type Language } from '@/lib/i18n/locales'
import { services } from '@/services'
import { formErrorMessages } from '@/app/i18n/form-error-messages'
import { inspectParameters } from '@/app/link/inspect-parameters'
import { linkProblemTitle, UncheckedLink } from '@/app/link/invalid-link'
import { RemoveLinkFromUrl } from '@/app/link/remove-link-from-url'
import { LinkForm } from '@/app/link/link-form'
import {
  damagedLinkMarker,
  readLinkParameters,
  type LinkParameters,
  type PageQuery,
} from '@/app/link/parse-link'
import { chosenLanguage, pathInLanguage, visitorLanguage } from '@/app/i18n/request'
import { InvalidCancelLink, invalidCancelLinkTitle, type InvalidCancelLinkKind } from './invalid-cancel-link'

/** The page of a "this wasn't me" link. Loading it cancels nothing, because mail scanners load it, too. */
export default async function CancelPage({ searchParams }: { searchParams: Promise<PageQuery> }) {
  const query = await searchParams
  const visitors = await visitorLanguage()
  const link = readLinkParameters(services().links, 'cancel', query)
  if (link === 'none') return <InvalidLinkPage language={visitors} kind="missing" />
  if (link === 'damaged')
    return <InvalidLinkPage language={visitors} kind="damaged" link={damagedLinkMarker} />
  const found = await inspectParameters(link, services().passwordReset.inspectCancelLink)
  switch (found.state) {
    case 'signature-expired':
      return <InvalidLinkPage language={visitors} kind="expired" changed={found.changed} link={link} />
    case 'signature-used':
      return <InvalidLinkPage language={visitors} kind="used" link={link} />
    case 'signature-invalid':
      return <InvalidLinkPage language={visitors} kind="damaged" link={link} />
    case 'unavailable':
      return <UncheckedLinkPage language={visitors} link={link} />
  }

  const language = (await chosenLanguage()) ?? languageOfLocale(found.locale) ?? visitors
  const t = await getTranslations({ locale: language, namespace: 'pages.cancel' })
  const d = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  const dead = async (kind: InvalidCancelLinkKind) => ({
    title: documentTitle(
      await invalidCancelLinkTitle({ kind, language }),
      services().settings.branding.appName,
    ),
    body: <InvalidCancelLink language={language} kind={kind} changed={found.changed} />,
  })
  return (
    <PageLayout language={language} title={t('title')} link={link}>
      <RemoveLinkFromUrl />
      <LinkForm
        link={link}
        language={language}
        endpoint={await pathInLanguage('/api/v1/accounts/cancel-reset-password/', language)}
        donePath={await pathInLanguage('/cancel-reset/done/', language)}
        errors={parseFormErrors(query.error, [])}
        invalidLinkViews={{
          'signature-expired': await dead('expired'),
          'signature-used': await dead('used'),
          'signature-invalid': await dead('damaged'),
        }}
        messages={{
          submit: found.newLink ? t('submit-changed') : t('submit'),
          busy: d('renew-busy'),
          hint: t('was-me'),
          errors: await formErrorMessages(language),
        }}
      >
        <PageHeading icon={<AlertIcon className="size-7" />} tone="warn" title={t('title')}>
          <p>{found.changed ? t('lead-changed') : t('lead')}</p>
        </PageHeading>
        <ul className="mt-6 list-disc space-y-1.5 ps-5 marker:text-accent">
          <li>{t('stops')}</li>
          <li>{t('pause')}</li>
          {found.newLink && <li>{t('new-link')}</li>}
        </ul>
      </LinkForm>
    </PageLayout>
  )
}

async function InvalidLinkPage({
  language,
  kind,
  changed = false,
  link,
}: {
  language: Language
  kind: InvalidCancelLinkKind
  changed?: boolean
  link?: Record<string, string>
}) {
  return (
    <PageLayout language={language} title={await invalidCancelLinkTitle({ kind, language })} link={link}>
      <RemoveLinkFromUrl />
      <InvalidCancelLink language={language} kind={kind} changed={changed} />
    </PageLayout>
  )
}

async function UncheckedLinkPage({ language, link }: { language: Language; link: LinkParameters }) {
  return (
    <PageLayout language={language} title={await linkProblemTitle('away', language)} link={link}>
      <RemoveLinkFromUrl />
      <UncheckedLink language={language} link={link} />
    </PageLayout>
  )
}
