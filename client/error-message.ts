import type { Answer } from './api'

/** Sentences for a form that got nowhere. `throttledFor` keeps a place for `{when}`, such as "in 5 minutes". */
export type TroubleWords = Record<
  | 'throttled'
  | 'throttledFor'
  | 'unavailable'
  | 'user-not-found'
  | 'second-factor-required'
  | 'second-factor-exhausted'
  | 'refused'
  | 'offline',
  string
>

/**
 * Puts a failed attempt into words. A refusal that has a code is a rule of the service, told in the page's words where it
 * has some, else in the service's; complaints about fields that the form does not show are a refusal like others. A browser
 * too old to count time still says that it was too often.
 */
export function describeTrouble(
  answer: Exclude<Answer, { kind: 'done' }>,
  words: TroubleWords,
  language: string,
): string {
  if (answer.kind === 'throttled' && 'RelativeTimeFormat' in Intl)
    return words.throttledFor.replace('{when}', inHowLong(answer.seconds, language))
  if (answer.kind === 'refused' && answer.code !== null)
    return answer.code === 'second-factor-required' || answer.code === 'user-not-found'
      ? words[answer.code]
      : answer.detail
  return words[answer.kind === 'fields' ? 'refused' : answer.kind]
}

/** "in 40 seconds", "in 3 minutes", in any language. Never sooner than the seconds given (RFC 9110 §10.2.3). */
export function inHowLong(seconds: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'always' })
  if (seconds <= 90) return format.format(Math.ceil(seconds), 'second')
  if (seconds <= 90 * 60) return format.format(Math.ceil(seconds / 60), 'minute')
  return format.format(Math.ceil(seconds / 3600), 'hour')
}
