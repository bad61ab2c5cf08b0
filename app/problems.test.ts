import { expect, test } from 'vitest'
import { passwordProblems, readProblems, troubles } from './problems'

test('U7: a form that comes back without JavaScript shows every problem its address names', () => {
  expect(readProblems('password-too-common,password-too-short', passwordProblems)).toEqual([
    'password-too-short',
    'password-too-common',
  ])
})

test('an address cannot put words into a page: what is not on the list is ignored', () => {
  expect(readProblems('hello,<b>,throttled ,__proto__', [...troubles, ...passwordProblems])).toEqual([])
})

test('a problem named twice, or by two parameters, is shown once', () => {
  expect(readProblems(['throttled,throttled', 'throttled'], troubles)).toEqual(['throttled'])
})

test('no parameter, no problem', () => {
  expect(readProblems(undefined, troubles)).toEqual([])
})
