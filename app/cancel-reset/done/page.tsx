import { getTranslations } from 'next-intl/server'
import { PageLayout } from '@/components/page-layout'
import { CheckIcon } from '@/components/icons'
import { PageHeading } from '@/components/page-heading'
import { services } from '@/services'
import { visitorLanguage } from '@/app/i18n/request'

/** The page does not know whether the password was changed, so the list covers both cases. */
export default async function CancelledPage() {
  const language = await visitorLanguage()
  const t = await getTranslations({ locale: language, namespace: 'pages.cancel' })
  return (
    <PageLayout language={language} title={t('done-title')}>
      <PageHeading icon={<CheckIcon className="size-7" />} tone="good" title={t('done-title')}>
        <p>{t('done-lead')}</p>
      </PageHeading>
      {services().settings.reset.enabled && (
        <ul className="mt-6 list-disc space-y-1.5 ps-5 marker:text-accent">
          <li>{t('done-changed')}</li>
          <li>{t('done-unchanged')}</li>
        </ul>
      )}
    </PageLayout>
  )
}
