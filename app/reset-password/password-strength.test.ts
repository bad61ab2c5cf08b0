import { expect, test } from 'vitest'
import { derivedPasswords, grace } from '@/e2e/support/derived-passwords'
import { strengthOf } from './password-strength'

test.each([
  ['one letter over and over', 'aaaaaaaaaaaaaaaaaaaa'],
  ['one letter of another script over and over', 'تتتتتتتتتتتتتتتتتتتت'],
  ['digits in order', '12345678901234567890'],
  ['a row of keys', 'qwertyuiopasdfgh'],
  ['a word and digits in order', 'password1234567'],
  ['one word twice, in disguise', 'P@ssw0rdP@ssw0rd'],
  ['one word three times', 'sunflower sunflower sunflower'],
  ['the longest password of one letter', 'a'.repeat(256)],
  ['the account’s own name, twice', 'wilhelmina-lanternbywilhelmina-lanternby'],
])('%s is easy to guess [U12]', (_what, password) => {
  expect(strengthOf(password, ['wilhelmina-lanternby'], 15)).toBe('easy')
})

test.each([
  ['three unrelated words and a number', 'gravel 9f2 lantern'],
  ['words of a language that the list does not have, with a year', 'Sommer2024Winter'],
])('%s is in between [U12]', (_what, password) => {
  expect(strengthOf(password, [], 15)).toBe('fair')
})

test.each([
  ['four unrelated words', 'correct horse battery staple'],
  ['what a password manager makes up', 'vK4xpQz9-mWx2Tb-8hRdfn'],
  ['a sentence in Arabic', 'كلمة مرور طويلة جدا ولا يعرفها أحد'],
])('%s is hard to guess [U12]', (_what, password) => {
  expect(strengthOf(password, [], 15)).toBe('hard')
})

test('a name that stands on the page adds nothing', () => {
  expect(strengthOf('wilhelmina-lanternby', [], 15)).not.toBe('easy')
  expect(strengthOf('wilhelmina-lanternby', ['wilhelmina-lanternby'], 15)).toBe('easy')
})

test('what the policy refuses as derived is easy to guess [U12, P13]', () => {
  const known = [
    grace.username,
    grace.email,
    grace.firstName,
    grace.lastName,
    'Rekey',
    'accounts.northwind.example',
  ]
  const praised = derivedPasswords.filter(([, password]) => strengthOf(password, known, 15) !== 'easy')
  expect(praised).toEqual([])
})
