import { getTranslations } from 'next-intl/server'
import { sayApi, type ApiMessage } from '@/lib/i18n/api-messages'
import type { Language } from '@/lib/i18n/locales'
import { createPasswordRules, type RuleProblem, type RuleSettings } from '@/lib/passwords/rules'
import { troubleWords } from '@/app/i18n/form-messages'
import type { ConfirmProblem, PasswordProblem } from '@/app/problems'
import type { ResetFormWords } from './reset-password-form'

/**
 * Everything the form may have to say. An endpoint's messages are as short as its contract; where the page has a fuller
 * sentence with advice, `instead` has it by the message, since both are in the same language.
 */
export async function resetFormWords(language: Language, policy: RuleSettings): Promise<ResetFormWords> {
  const t = await getTranslations({ locale: language, namespace: 'pages.reset' })
  const p = await getTranslations({ locale: language, namespace: 'pages.password-problems' })
  const limits = limitsOf(policy)
  const problems: Record<PasswordProblem | ConfirmProblem, string> = {
    'password-required': p('missing'),
    'password-blank': p('missing'),
    'password-too-short': p('too-short', limits),
    'password-too-long': p('too-long', limits),
    'password-too-common': p('too-common'),
    'password-entirely-numeric': p('entirely-numeric'),
    'password-too-similar': p('too-similar'),
    'password-breached': p('breached'),
    'password-outer-spaces': p('outer-spaces'),
    'password-invalid': p('invalid'),
    'confirm-required': p('confirm-missing'),
    'confirm-mismatch': p('confirm-mismatch'),
  }
  const fuller: Partial<Record<ApiMessage, string>> = {
    'too-short': problems['password-too-short'],
    'too-long': problems['password-too-long'],
    'too-common': problems['password-too-common'],
    'entirely-numeric': problems['password-entirely-numeric'],
    'too-similar-username': problems['password-too-similar'],
    'too-similar-email': problems['password-too-similar'],
    'too-similar-first-name': problems['password-too-similar'],
    'too-similar-last-name': problems['password-too-similar'],
    breached: problems['password-breached'],
    'outer-spaces': problems['password-outer-spaces'],
    'null-characters': problems['password-invalid'],
    'confirm-mismatch': problems['confirm-mismatch'],
  }
  return {
    password: t('password'),
    confirm: t('confirm'),
    show: t('show'),
    showPassword: t('show-password'),
    rules: {
      title: t('rules'),
      live: {
        'too-short': t('rule-length', limits),
        'entirely-numeric': t('rule-numeric'),
        'outer-spaces': t('rule-spaces'),
      },
      later: [t('rule-similar'), t('rule-common')],
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
    problems,
    instead: Object.fromEntries(
      Object.entries(fuller).map(([message, words]) => [
        sayApi(language, message as ApiMessage, limits),
        words,
      ]),
    ),
    troubles: await troubleWords(language),
  }
}

/** The numbers that sentences about the rules mention. */
function limitsOf(policy: RuleSettings): { min: number; max: number } {
  const all: RuleProblem[] = createPasswordRules(policy)
    .ticks('')
    .map(({ problem }) => problem)
  const max = all.find((problem) => problem.code === 'too-long')?.max ?? Infinity
  return { min: policy.minLength, max }
}
