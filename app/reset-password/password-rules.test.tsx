import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createPasswordRuleChecker, type RuleSettings } from '@/lib/passwords/rules'
import { PasswordRuleList, type RulesMessages } from './password-rules'

const messages: RulesMessages = {
  title: 'title',
  whileTyping: {
    'too-short': 'long enough',
    numeric: 'not only digits',
    'too-long': 'short enough',
    'too-many-bytes': 'few bytes',
    'outer-spaces': 'no outer space',
  },
  onSave: ['later'],
  soFar: '{count} so far',
  met: 'done',
  open: 'still to do',
  tip: 'tip',
  typing: 'typing',
  strength: { easy: 'easy', fair: 'fair', hard: 'hard' },
}

function read(password: string, longest?: RuleSettings['longest']): string[] {
  const rules = createPasswordRuleChecker({ minLength: 15, outerSpaces: 'keep', longest })
  const html = renderToStaticMarkup(
    <PasswordRuleList {...{ language: 'en', id: 'rules', rules, password, known: [], messages }} />,
  )
  return [...html.matchAll(/<li\b.*?<\/li>/g)].map(([item]) => item.replace(/<[^>]*>/g, ''))
}

test('the list of rules shows the minimal length, and not the maximal one, which is rarely reached [U7]', () => {
  expect(read('')).toEqual(['long enough', 'not only digits', 'later'])
})

test('the list of rules shows the limit of a password format, with a tick while it is met [W6]', () => {
  const bytes = { count: 72, unit: 'bytes' } as const
  expect(read('', bytes)).toEqual(['long enough', 'not only digits', 'few bytes', 'later'])
  expect(read('ü'.repeat(36), bytes)).toContain('few bytes: done')
  expect(read('ü'.repeat(37), bytes)).toContain('few bytes: still to do')
  const units = { count: 128, unit: 'utf16' } as const
  expect(read('a'.repeat(128), units)).toContain('short enough: done')
  expect(read('a'.repeat(129), units)).toContain('short enough: still to do')
})
