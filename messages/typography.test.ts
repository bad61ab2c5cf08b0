import { describe, expect, test } from 'vitest'
import { directionOf, languages, type Language } from '@/lib/i18n/locales'
import { getMessages } from '@/lib/i18n/messages'

function sentencesOf(language: Language): [path: string, sentence: string][] {
  return messagesOf(language).flatMap(([path, message]) =>
    spellOut(message).map((sentence): [string, string] => [path, sentence]),
  )
}

function messagesOf(language: Language): [path: string, message: string][] {
  const walk = (node: object, path: string[]): [string, string][] =>
    Object.entries(node).flatMap(([key, inner]: [string, string | object]) =>
      typeof inner === 'string'
        ? [[[...path, key].join('.'), inner] as [string, string]]
        : walk(inner, [...path, key]),
    )
  return walk(getMessages(language), [])
}

type Argument = { start: number; end: number; kind: string; branches: [selector: string, text: string][] }

function firstChoice(message: string): Argument | undefined {
  const found = /\{\s*\w+\s*,\s*(plural|select)\s*,/.exec(message)
  if (found === null) return undefined
  const branches: [string, string][] = []
  let [at, selector] = [found.index + found[0].length, '']
  for (; message[at] !== '}'; at += 1) {
    if (message[at] !== '{') {
      selector += message[at]
      continue
    }
    const end = closingOf(message, at)
    branches.push([selector.trim(), message.slice(at + 1, end)])
    ;[at, selector] = [end, '']
  }
  return { start: found.index, end: at + 1, kind: found[1]!, branches }
}

function closingOf(message: string, start: number): number {
  let depth = 0
  for (let at = start; at < message.length; at += 1) {
    if (message[at] === '{') depth += 1
    if (message[at] === '}' && --depth === 0) return at
  }
  throw new Error(`A brace is never closed: ${message}`)
}

/** All texts of a message. Placeholders stay, `{min, number}` as `{min}`. */
function spellOut(message: string): string[] {
  const choice = firstChoice(message)
  if (choice === undefined) return [message.replace(/\{(\w+),[^}]*\}/g, '{$1}').replaceAll('#', '{n}')]
  const [before, after] = [message.slice(0, choice.start), message.slice(choice.end)]
  return choice.branches.flatMap(([, text]) => spellOut(`${before}${text}${after}`))
}

function pluralsOf(message: string): string[][] {
  const choice = firstChoice(message)
  if (choice === undefined) return []
  const own = choice.kind === 'plural' ? [choice.branches.map(([selector]) => selector)] : []
  const within = choice.branches.flatMap(([, text]) => pluralsOf(text))
  return [...own, ...within, ...pluralsOf(message.slice(choice.end))]
}

const quotationMarks: Partial<Record<Language, string>> = {
  de: '„“',
  fr: '«»',
  pl: '„”',
  uk: '«»',
  ja: '「」',
  ko: '‘’',
  'zh-Hant': '「」',
  ar: '«»',
  he: '””',
  fa: '«»',
}

const eastAsian = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}'

const mistakes: Partial<Record<Language, [what: string, pattern: RegExp][]>> = {
  fr: [
    ['no narrow space before : ; ? ! »', /(?<!\u202f)(?:[;?!»]|:(?!\/\/))/u],
    ['no narrow space after «', /«(?!\u202f)/u],
    ['a wrong apostrophe between letters', /\p{L}[`´‘]\p{L}/u],
  ],
  es: [
    ['a question without its opening mark', /^[^¿]*\?|\?[^¿]*\?/u],
    ['an exclamation without its opening mark', /^[^¡]*!/u],
  ],
  uk: [['a letter of another language', /[ыэёъ]/iu]],
  ja: [
    ['punctuation of another script', new RegExp(`[${eastAsian}][,.;:?!]`, 'u')],
    ['a space between letters', new RegExp(`[${eastAsian}] [${eastAsian}]`, 'u')],
  ],
  ko: [['punctuation of another script', /[，。；：？！]/u]],
  'zh-Hans': [
    ['punctuation of another script', new RegExp(`[${eastAsian}][,.;:?!]`, 'u')],
    ['a space between letters', new RegExp(`[${eastAsian}] [${eastAsian}]`, 'u')],
    ['a letter as it is written elsewhere', /[這個們請連結碼郵號設帳]/u],
  ],
  'zh-Hant': [
    ['punctuation of another script', new RegExp(`[${eastAsian}][,.;:?!]`, 'u')],
    ['a space between letters', new RegExp(`[${eastAsian}] [${eastAsian}]`, 'u')],
    ['a letter as it is written elsewhere', /[这个们请连结码邮号设账]/u],
  ],
  hi: [['a sentence that ends in a full stop', /\p{sc=Devanagari}\s?[.|](?:\s|$)/u]],
  ar: [
    ['punctuation of another script', /\p{sc=Arabic}[,;?]/u],
    ['a letter of another language', /[یکپچژگ۰-۹]/u],
  ],
  fa: [
    ['punctuation of another script', /\p{sc=Arabic}[,;?]/u],
    ['a letter of another language', /[يكة٠-٩]/u],
    ['a digit of another script', /[0-9]/u],
    ['a prefix after a space', /(?:^|\s)ن?می\s/u],
    ['an ending after a space', /\sها(?:ی|یی)?(?:\s|$)|ه ای\s/u],
  ],
}

const generalMistakes: [what: string, pattern: RegExp][] = [
  ['a space at the beginning or end', /^\s|\s$/u],
  ['two spaces', /\s\s/u],
  ['a space before a comma or full stop', /\s[,.،。，、؛]/u],
  ['three dots for an ellipsis', /\.\.\.|。。/u],
  ['a straight apostrophe or quotation mark', /['"`´]/u],
  ['an invisible character', /[\u00a0\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]/u],
]

/** Removes what the contract prescribes: the English messages of the API, and the quotation marks around protocol names. */
function withoutContract(path: string, sentence: string, language: Language): string {
  if (language === 'en' && path.startsWith('api.')) return ''
  return sentence.replace(/"(\{(?:method|mediaType)\})"/, '$1')
}

test('the tests below find all branches and all plurals of a message', () => {
  const nested =
    'In {unit, select, h {{n, plural, one {# hour} other {# hours}}} other {{n, plural, other {# days}}}}.'
  expect(spellOut(nested)).toEqual(['In {n} hour.', 'In {n} hours.', 'In {n} days.'])
  expect(pluralsOf(nested)).toEqual([['one', 'other'], ['other']])
  expect(spellOut('{min, number} of {max}')).toEqual(['{min} of {max}'])
})

test('the tests below find known mistakes', () => {
  const caught = (language: Language, sentence: string) =>
    [...generalMistakes, ...(mistakes[language] ?? [])].filter(([, pattern]) => pattern.test(sentence))
      .length > 0
  const wrong: [Language, string][] = [
    ['de', 'Zwei  Leerzeichen'],
    ['en', "It isn't"],
    ['en', 'Sending...'],
    ['fr', 'Besoin d’aide ?'],
    ['fr', 'Besoin d’aide\u00a0?'],
    ['es', 'Necesita ayuda?'],
    ['es', '¿Sí? No?'],
    ['ja', '無効です.'],
    ['zh-Hans', '无效,请重试'],
    ['hi', 'लिंक अमान्य है.'],
    ['ar', 'هل نسيت?'],
    ['fa', 'کار نمی کند'],
    ['fa', 'گذرواژه ها'],
  ]
  expect(wrong.filter(([language, sentence]) => !caught(language, sentence))).toEqual([])
})

describe.each(languages)('typography of messages in %s', (language) => {
  const sentences = sentencesOf(language)

  test('no message has a mistake of typography', () => {
    const found = sentences.flatMap(([path, sentence]) => {
      const own = withoutContract(path, sentence, language)
      return [...generalMistakes, ...(mistakes[language] ?? [])]
        .filter(([, pattern]) => pattern.test(own))
        .map(([what]) => `${path}: ${what}: ${sentence}`)
    })
    expect(found).toEqual([])
  })

  test('all quotation marks are those of the language', () => {
    const own = quotationMarks[language] ?? '“”'
    const marks = new RegExp(own.includes('’') ? '\\p{Quotation_Mark}' : '(?!’)\\p{Quotation_Mark}', 'gu')
    const wrong = sentences.filter(([path, sentence]) => {
      const found = withoutContract(path, sentence, language).match(marks)?.join('') ?? ''
      return found !== own.repeat(found.length / 2)
    })
    expect(wrong).toEqual([])
  })

  test('the accessible name of the button that shows the password contains its text (SC 2.5.3) [U11]', () => {
    const messages = new Map(messagesOf(language))
    const [words, name] = ['show', 'show-password'].map((key) =>
      messages.get(`pages.reset.${key}`)!.toLowerCase(),
    )
    expect(name).toContain(words)
  })

  test('each plural has exactly the forms that the numbers of the language need', () => {
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted()
    const wrong = messagesOf(language).filter(([, message]) =>
      pluralsOf(message).some((selectors) => selectors.toSorted().join() !== needed.join()),
    )
    expect(wrong).toEqual([])
  })
})

// A plain text has the direction of its first letter.
test.each(languages.filter((language) => directionOf(language) === 'rtl'))(
  'no line of an email in %s begins with a value, whose letters may run from left to right',
  (language) => {
    const emails = sentencesOf(language).filter(([path]) => path.startsWith('emails.'))
    expect(emails.filter(([, sentence]) => /^(?:\{(?!n\})|[a-z])/i.test(sentence))).toEqual([])
  },
)
