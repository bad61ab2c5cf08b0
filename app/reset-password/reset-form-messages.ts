import { getTranslations } from 'next-intl/server'
import type { Language } from '@/lib/i18n/locales'
import {
  createPasswordRuleChecker,
  mostCodePoints,
  type RuleProblem,
  type RuleSettings,
} from '@/lib/passwords/rules'
import type { RejectedPassword } from '@/lib/password-reset/complete-reset'
import { formErrorMessages, fillFieldMessages } from '@/app/i18n/form-error-messages'
import type { ResetFormMessages } from './reset-password-form'
import { similarityMessageKeysFor } from './similarity-message-keys'

export async function resetFormMessages(
  language: Language,
  policy: RuleSettings,
  users: { username?: string },
): Promise<ResetFormMessages> {
  const t = await getTranslations({ locale: language, namespace: 'pages.reset' })
  const p = await getTranslations({ locale: language, namespace: 'pages.password-problems' })
  const similar = similarityMessageKeysFor(users)
  const advice: Record<RejectedPassword['problems'][number]['code'], string> = {
    'too-short': p('too-short', limitsOf(policy, 'too-short')),
    'too-long': p('too-long', limitsOf(policy, 'too-long')),
    'too-many-bytes': p('too-many-bytes', limitsOf(policy, 'too-many-bytes')),
    'too-common': p('too-common'),
    numeric: p('numeric'),
    'too-similar-username': p(similar.advice),
    'too-similar-email': p(similar.advice),
    'too-similar-first-name': p(similar.advice),
    'too-similar-last-name': p(similar.advice),
    'too-similar-name': p(similar.advice),
    breached: p('breached'),
    'outer-spaces': p('outer-spaces'),
  }
  return {
    password: t('password'),
    confirm: t('confirm'),
    show: t('show'),
    showPassword: t('show-password'),
    rules: {
      title: t('rules'),
      whileTyping: {
        'too-short': t('rule-length', limitsOf(policy, 'too-short')),
        numeric: t('rule-numeric'),
        'too-long': t('rule-longest', limitsOf(policy, 'too-long')),
        'too-many-bytes': t('rule-bytes', limitsOf(policy, 'too-many-bytes')),
        'outer-spaces': t('rule-spaces'),
      },
      onSave: [t(similar.rule), t('rule-common')],
      soFar: String(t.raw('rule-length-so-far')),
      met: t('rule-met'),
      open: t('rule-open'),
      tip: t('tip'),
      typing: t('typing'),
      strength: { easy: t('strength-easy'), fair: t('strength-fair'), hard: t('strength-hard') },
    },
    submit: t('submit'),
    busy: t('busy'),
    again: t('again'),
    errors: {
      form: await formErrorMessages(language),
      password: fillFieldMessages(p('missing'), advice, p('invalid')),
      password_confirm: fillFieldMessages(p('confirm-missing'), {}, p('confirm-mismatch')),
    },
  }
}

/** Returns the numbers for the message about a rule. If a rule has no `max` or does not apply, `max` is `mostCodePoints`. */
function limitsOf(policy: RuleSettings, code: RuleProblem['code']): { min: number; max: number } {
  const problem = createPasswordRuleChecker(policy)
    .checklist('')
    .map((tick) => tick.problem)
    .find((one) => one.code === code)
  return { min: policy.minLength, max: mostCodePoints, ...problem }
}
