import { getTranslations } from 'next-intl/server'
import { buttonClass } from '@/components/button'
import { PageLayout } from '@/components/page-layout'
import { CheckIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import { services } from '@/services'
import { visitorLanguage } from '@/app/i18n/request'

/** A reset does not sign the person in (OWASP Forgot Password). */
export default async function DonePage() {
  const language = await visitorLanguage()
  const { branding, reset } = services().settings
  const t = await getTranslations({ locale: language, namespace: 'pages.done' })
  return (
    <PageLayout language={language} title={t('title')} step="done">
      <PageHeading icon={<CheckIcon className="size-7" />} tone="good" title={t('title')}>
        <p>{t('lead')}</p>
      </PageHeading>
      <ul className="mt-6 list-disc space-y-1.5 ps-5 marker:text-accent">
        {reset.oneTimeUse && <li>{t('others')}</li>}
        <li>{t('email')}</li>
      </ul>
      {branding.signInUrl === undefined ? (
        <p className="mt-6">{t('close')}</p>
      ) : (
        <a className={`mt-8 w-full sm:w-auto ${buttonClass('primary')}`} href={branding.signInUrl}>
          {t('sign-in')}
        </a>
      )}
    </PageLayout>
  )
}
