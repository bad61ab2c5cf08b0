import { expect, test } from 'vitest'
import { inboxes, inboxOf } from './inbox'

test('an email address of a large provider leads to its inbox, however it is typed', () => {
  expect(inboxOf(' Grace.Hopper@GMail.com ')?.url).toBe('https://mail.google.com/')
  expect(inboxOf('ada@web.de')?.name).toBe('WEB.DE')
})

test('each domain leads to one inbox, by https', () => {
  const domains = inboxes.flatMap(({ domains }) => domains)
  expect(domains.filter((domain, at) => domains.indexOf(domain) !== at)).toEqual([])
  for (const { url } of inboxes) expect(new URL(url)).toMatchObject({ protocol: 'https:', href: url })
})

test.each([
  'grace',
  'gmail.com',
  'grace@example.com',
  'grace@gmail.com.example',
  '',
  '@',
  'a@b@gmail.com',
  'a@gmail.com@b.example',
])('the login %j leads to no inbox', (login) => {
  expect(inboxOf(login)).toBeUndefined()
})
