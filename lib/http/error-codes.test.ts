import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { exposedHeaders } from './cors'
import { fieldErrorCodes, requestErrors } from './error-codes'

const page = readFileSync('docs/front-ends.md', 'utf8')

function listedUnder(heading: string): string[] {
  const [, section = ''] = page.split(`# ${heading}\n`)
  return [...section.split(/^#{2,} /m, 1)[0]!.matchAll(/^\| `([^`]+)`/gm)].map(([, first]) => first!)
}

describe('docs/front-ends.md [V4]', () => {
  test('docs/front-ends.md lists every code of field errors and no other', () => {
    expect(listedUnder('Codes of field errors').sort()).toEqual([...fieldErrorCodes].sort())
  })

  test('docs/front-ends.md lists every code that a body contains and no other', () => {
    const coded = Object.entries(requestErrors).flatMap(([code, refusal]) =>
      'coded' in refusal ? [code] : [],
    )
    expect(listedUnder('Codes in the body').sort()).toEqual(coded.sort())
  })

  test('docs/front-ends.md explains every header that scripts may read', () => {
    expect(listedUnder('Headers')).toEqual(expect.arrayContaining(exposedHeaders.split(', ')))
  })

  test('docs/front-ends.md names the default rate limits that .env.example names', () => {
    const settings = readFileSync('.env.example', 'utf8')
    const limits = [...page.matchAll(/^\| `((?:LIMIT|EMAIL)_\w+)` +\| `(\w[^`]*)`/gm)]
    expect(limits.length).toBeGreaterThan(4)
    for (const [, name, value] of limits) expect(settings).toContain(`# ${name}=${value}\n`)
  })
})
