import { getTranslations } from 'next-intl/server'
import { buttonClass } from '@/components/button'
import { PageLayout } from '@/components/page-layout'
import { CompassIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import { services } from '@/services'
import { pathInLanguage, visitorLanguage } from '@/app/i18n/request'

export default async function NotFoundPage() {
  const language = await visitorLanguage()
  const t = await getTranslations({ locale: language, namespace: 'pages.not-found' })
  const requestPath = await pathInLanguage('/forgot-password/', language)
  return (
    <PageLayout language={language} title={t('title')}>
      <PageHeading icon={<CompassIcon className="size-7" />} title={t('title')}>
        <p>{t('lead')}</p>
      </PageHeading>
      {services().settings.reset.enabled && (
        <a className={`mt-8 ${buttonClass('primary')}`} href={requestPath}>
          {t('ask')}
        </a>
      )}
    </PageLayout>
  )
}
