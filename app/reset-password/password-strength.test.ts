import { expect, test } from 'vitest'
import { derivedPasswords, grace } from '@/e2e/support/derived-passwords'
import { strengthOf } from './password-strength'

test.each([
  ['one repeated letter', 'aaaaaaaaaaaaaaaaaaaa'],
  ['one repeated letter of another script', 'تتتتتتتتتتتتتتتتتتتت'],
  ['digits in order', '12345678901234567890'],
  ['a row of keys', 'qwertyuiopasdfgh'],
  ['a word and digits in order', 'password1234567'],
  ['one word twice, with other characters for letters', 'P@ssw0rdP@ssw0rd'],
  ['one word three times', 'sunflower sunflower sunflower'],
  ['the longest password of one letter', 'a'.repeat(256)],
  ['the account’s own name, twice', 'wilhelmina-lanternbywilhelmina-lanternby'],
])('a password of %s is shown as easy to guess [U12]', (_what, password) => {
  expect(strengthOf(password, ['wilhelmina-lanternby'], 15)).toBe('easy')
})

test.each([
  ['three unrelated words and a number', 'gravel 9f2 lantern'],
  ['words of a language that the list does not have, with a year', 'Sommer2024Winter'],
])('a password of %s is shown as fair [U12]', (_what, password) => {
  expect(strengthOf(password, [], 15)).toBe('fair')
})

test.each([
  ['four unrelated words', 'correct horse battery staple'],
  ['random characters from a password manager', 'vK4xpQz9-mWx2Tb-8hRdfn'],
  ['a sentence in Arabic', 'كلمة مرور طويلة جدا ولا يعرفها أحد'],
])('a password of %s is shown as hard to guess [U12]', (_what, password) => {
  expect(strengthOf(password, [], 15)).toBe('hard')
})

test('a name on the page does not make a password stronger', () => {
  expect(strengthOf('wilhelmina-lanternby', [], 15)).not.toBe('easy')
  expect(strengthOf('wilhelmina-lanternby', ['wilhelmina-lanternby'], 15)).toBe('easy')
})

test('every derived password that the policy rejects is shown as easy to guess [U12, P13]', () => {
  const known = [
    grace.username,
    grace.email,
    grace.firstName,
    grace.lastName,
    'Rekey',
    'accounts.northwind.example',
  ]
  const others = derivedPasswords.filter(([, password]) => strengthOf(password, known, 15) !== 'easy')
  expect(others).toEqual([])
})
