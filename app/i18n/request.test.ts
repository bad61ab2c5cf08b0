import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { languages } from '@/lib/i18n/locales'

const folder = new URL('../../messages/', import.meta.url)
const [reference, ...others] = languages

function messagesOf(language: string): Map<string, string> {
  const messages = new Map<string, string>()
  const walk = (node: unknown, path: string[]) => {
    if (typeof node === 'string') messages.set(path.join('.'), node)
    else for (const [key, child] of Object.entries(node as object)) walk(child, [...path, key])
  }
  walk(JSON.parse(readFileSync(new URL(`${language}.json`, folder), 'utf8')), [])
  return messages
}

/** The names of values and tags. A brace at an even depth opens an argument, at an odd depth a branch of a plural. */
function placeholdersOf(message: string): string[] {
  const names = new Set([...message.matchAll(/<(\w+)>/g)].map(([tag]) => tag))
  let depth = 0
  for (const [index, character] of [...message].entries()) {
    if (character === '{' && depth % 2 === 0)
      names.add(/^\s*\w+/.exec([...message].slice(index + 1).join(''))?.[0].trim() ?? '')
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
  }
  return [...names].sort()
}

test('the search for placeholders ignores the words of a plural', () => {
  const message = '<b>{name}</b>: {seconds} {seconds, plural, one {second} other {seconds or {more}}}'
  expect(placeholdersOf(message)).toEqual(['<b>', 'more', 'name', 'seconds'])
})

test('each language has one file of messages, and each file a language', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  expect(files.sort()).toEqual(languages.map((language) => `${language}.json`).sort())
})

/** Messages that are one word, the same as in English. */
const loanWords = ['it emails.account', 'nl emails.account']

describe.each(others)('messages in %s', (language) => {
  const wanted = messagesOf(reference)
  const found = messagesOf(language)

  test('the language has the same messages as English', () => {
    expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
  })

  test('each message has the same placeholders as in English', () => {
    const different = [...wanted].filter(
      ([key, message]) => placeholdersOf(found.get(key) ?? '').join() !== placeholdersOf(message).join(),
    )
    expect(different.map(([key]) => key)).toEqual([])
  })

  test('no message is still in English', () => {
    const untranslated = [...found].filter(
      ([key, message]) => wanted.get(key) === message && !loanWords.includes(`${language} ${key}`),
    )
    expect(untranslated).toEqual([])
  })

  test('no message is empty', () => {
    expect([...found].filter(([, message]) => message.trim() === '')).toEqual([])
  })
})
