import { getTranslations } from 'next-intl/server'
import { Frame } from '@/components/page-layout'
import { PageHeading } from '@/components/page-heading'
import { services } from '@/services'
import { loginKind, troubleWords } from '@/app/i18n/form-messages'
import { loginProblems, readProblems, troubles, type Query } from '@/app/problems'
import { keepLanguage, visitorLanguage } from '@/app/i18n/request'
import { ForgotPasswordForm } from './forgot-password-form'
import { sentWords } from './sent-messages'

/** Where somebody who has forgotten a password says who they are. */
export default async function ForgotPasswordPage({ searchParams }: { searchParams: Promise<Query> }) {
  const { problem } = await searchParams
  const language = await visitorLanguage()
  const { reset, emailSlots } = services().settings
  const known = loginKind()
  const t = await getTranslations({ locale: language, namespace: 'pages.ask' })
  const [trouble] = readProblems(problem, troubles)
  const told = {
    'login-required': t('missing', { loginField: known }),
    'login-blank': t('missing', { loginField: known }),
    'login-invalid': t('invalid'),
    'login-unknown': t('unknown'),
  }
  return (
    <Frame language={language} title={t('title')} step={1}>
      <ForgotPasswordForm
        language={language}
        endpoint={await keepLanguage('/api/v1/accounts/send-reset-password-link/', language)}
        sentPath={await keepLanguage('/forgot-password/sent/', language)}
        loginField={reset.loginField}
        known={known}
        pause={emailSlots.cooldown}
        problems={[...new Set(readProblems(problem, loginProblems).map((code) => told[code]))]}
        trouble={trouble}
        heading={<PageHeading title={t('title')}>{t('lead')}</PageHeading>}
        words={{
          label: t('label', { loginField: known }),
          hint: t('hint'),
          submit: t('submit'),
          busy: t('busy'),
          unchanged: t('unchanged'),
          missing: t('missing', { loginField: known }),
          invalid: t('invalid'),
          unknown: t('unknown'),
          troubles: await troubleWords(language),
          sent: await sentWords(language),
        }}
      />
    </Frame>
  )
}
