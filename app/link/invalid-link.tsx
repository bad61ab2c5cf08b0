import { getTranslations } from 'next-intl/server'
import { Button, buttonClass } from '@/components/button'
import { HiddenFields } from '@/components/hidden-fields'
import { BrokenLinkIcon, CheckIcon, ClockIcon, CloudIcon, EnvelopeIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import type { Language } from '@/lib/i18n/locales'
import { services } from '@/services'
import { formErrorMessages, loginKind } from '@/app/i18n/form-error-messages'
import { chosenLanguage, pathInLanguage } from '@/app/i18n/request'
import type { LinkParameters } from './parse-link'
import { LinkForm } from './link-form'

type Props = { language: Language }

/** `away`: the link could not be verified. */
export async function linkProblemTitle(
  kind: 'expired' | 'used' | 'damaged' | 'missing' | 'away',
  language: Language,
) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  return t(`${kind}-title`)
}

export async function ExpiredLink({ language, link }: Props & { link: LinkParameters }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  return (
    <>
      <PageHeading icon={<ClockIcon className="size-7" />} tone="warn" title={t('expired-title')}>
        <p>{t('expired-lead')}</p>
      </PageHeading>
      <Renewal language={language} link={link} />
    </>
  )
}

/** Shown for a genuine link that was used, or whose account has changed since. */
export async function UsedLink({ language, link }: Props & { link: LinkParameters }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  return (
    <>
      <PageHeading icon={<CheckIcon className="size-7" />} title={t('used-title')}>
        <p>{t('used-lead')}</p>
        <p className="mt-3 text-balance text-ink">{t('used-changed')}</p>
      </PageHeading>
      <SignInLink language={language} />
      <Renewal language={language} link={link} />
    </>
  )
}

export async function DamagedLink({ language }: Props) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  return (
    <>
      <PageHeading icon={<BrokenLinkIcon className="size-7" />} tone="warn" title={t('damaged-title')}>
        <p>{t('damaged-lead')}</p>
      </PageHeading>
      <ul className="mt-4 list-disc space-y-1.5 ps-5 marker:text-accent">
        <li>{t('damaged-again')}</li>
        <li>{t('damaged-whole')}</li>
        <li>{t('damaged-newest')}</li>
      </ul>
      <RequestLink language={language} />
    </>
  )
}

/** Shown if the URL contains no link, for example after a reload: `RemoveLinkFromUrl` has removed it. */
export async function MissingLink({ language }: Props) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  const { signInUrl } = services().settings.branding
  return (
    <>
      <PageHeading icon={<EnvelopeIcon className="size-7" />} title={t('missing-title')}>
        <p>{t('missing-lead')}</p>
        <p className="mt-3">{t('missing-changed')}</p>
      </PageHeading>
      {signInUrl !== undefined && <SignInLink language={language} />}
      <h2 className="mt-8 font-semibold">{t('missing-ask')}</h2>
      <RequestLink language={language} variant="quiet" />
    </>
  )
}

/** Shown if verifying the link failed, for example because the database is unavailable. */
export async function UncheckedLink({ language, link }: Props & { link: LinkParameters }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  const chosen = await chosenLanguage()
  return (
    <>
      <PageHeading icon={<CloudIcon className="size-7" />} tone="warn" title={t('away-title')}>
        <p>{t('away-lead')}</p>
      </PageHeading>
      <form method="get" className="mt-8">
        <HiddenFields values={link} />
        {chosen !== undefined && <input type="hidden" name="lang" value={chosen} />}
        <Button type="submit">{t('away-retry')}</Button>
      </form>
    </>
  )
}

async function Renewal({ language, link }: Props & { link: LinkParameters }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  const messages = { submit: t('renew'), busy: t('renew-busy'), hint: t('renew-hint') }
  const requestPath = await pathInLanguage('/forgot-password/', language)
  return (
    <>
      <LinkForm
        link={link}
        language={language}
        endpoint={await pathInLanguage('/api/v1/accounts/send-reset-password-link/', language)}
        donePath={await pathInLanguage('/forgot-password/sent/', language)}
        messages={{ ...messages, errors: await formErrorMessages(language) }}
      />
      <p className="mt-6">
        <a className="text-link inline-block py-1" href={requestPath}>
          {t('elsewhere', { loginField: loginKind() })}
        </a>
      </p>
    </>
  )
}

async function SignInLink({ language }: Props) {
  const { signInUrl } = services().settings.branding
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  if (signInUrl === undefined) return null
  return (
    <a className={`mt-6 w-full sm:w-auto ${buttonClass('quiet')}`} href={signInUrl}>
      {t('sign-in')}
    </a>
  )
}

export async function RequestLink({
  language,
  variant = 'primary',
}: Props & { variant?: 'primary' | 'quiet' }) {
  const t = await getTranslations({ locale: language, namespace: 'pages.dead-link' })
  const path = await pathInLanguage('/forgot-password/', language)
  return (
    <a className={`mt-4 w-full sm:w-auto ${buttonClass(variant)}`} href={path}>
      {t('ask')}
    </a>
  )
}
