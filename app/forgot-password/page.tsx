import { getTranslations } from 'next-intl/server'
import { PageLayout } from '@/components/page-layout'
import { PageHeading } from '@/components/page-heading'
import { parseFormErrors } from '@/lib/http/form-errors'
import { services } from '@/services'
import { formErrorMessages, loginKind, fillFieldMessages } from '@/app/i18n/form-error-messages'
import type { PageQuery } from '@/app/link/parse-link'
import { pathInLanguage, visitorLanguage } from '@/app/i18n/request'
import { ForgotPasswordForm } from './forgot-password-form'
import { sentMessages } from './sent-messages'

export default async function ForgotPasswordPage({ searchParams }: { searchParams: Promise<PageQuery> }) {
  const { error } = await searchParams
  const language = await visitorLanguage()
  const { reset, emailSlots } = services().settings
  const kind = loginKind()
  const t = await getTranslations({ locale: language, namespace: 'pages.ask' })
  return (
    <PageLayout language={language} title={t('title')} step={1}>
      <ForgotPasswordForm
        language={language}
        endpoint={await pathInLanguage('/api/v1/accounts/send-reset-password-link/', language)}
        sentPath={await pathInLanguage('/forgot-password/sent/', language)}
        loginField={reset.loginField}
        loginKind={kind}
        pause={emailSlots.cooldown}
        errors={parseFormErrors(error, [reset.loginField])}
        heading={<PageHeading title={t('title')}>{t('lead')}</PageHeading>}
        messages={{
          label: t('label', { loginField: kind }),
          hint: t('hint'),
          submit: t('submit'),
          busy: t('busy'),
          unchanged: t('unchanged'),
          errors: {
            form: await formErrorMessages(language),
            login: {
              ...fillFieldMessages(
                t('missing', { loginField: kind }),
                {},
                t('invalid', { loginField: kind }),
              ),
              'user-not-found': t('unknown'),
            },
          },
          sent: await sentMessages(language),
        }}
      />
    </PageLayout>
  )
}
