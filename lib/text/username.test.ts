import { describe, expect, test } from 'vitest'
import { composedUsername, usernameSpellings } from './username'

describe('the spellings of a username [I6]', () => {
  test.each([
    ['jos\u00e9', 'jose\u0301'],
    ['\u1e69', 's\u0323\u0307'],
    ['\uac00\ub098', '\u1100\u1161\u1102\u1161'],
    ['\u304c', '\u304b\u3099'],
    ['\u00c5', 'A\u030a'],
  ])('the username %s has two spellings, whichever of them is typed', (composed, decomposed) => {
    for (const typed of [composed, decomposed]) {
      expect(usernameSpellings(typed).sort()).toEqual([composed, decomposed].sort())
      expect(composedUsername(typed)).toBe(composed)
    }
  })

  test('a username that is neither composed nor decomposed is also looked up as it is typed', () => {
    const mixed = 'jos\u00e9-e\u0301'
    expect(usernameSpellings(mixed)).toEqual([mixed, 'jos\u00e9-\u00e9', 'jose\u0301-e\u0301'])
  })

  test('a username in ASCII has one spelling', () => {
    expect(usernameSpellings('jane.doe')).toEqual(['jane.doe'])
  })

  test('no character of Unicode outside ASCII has a spelling in ASCII [C2, CVE-2019-19844]', () => {
    const folded: string[] = []
    for (let code = 0x80; code <= 0x10ffff; code += 1) {
      const typed = String.fromCodePoint(code)
      if ([...usernameSpellings(typed), composedUsername(typed)].some((text) => /^[\0-\x7f]*$/.test(text)))
        folded.push(code.toString(16))
    }
    expect(folded).toEqual([])
  })

  test.each(['\uff41da', 'ﬁona', 'A\u0131', 'stra\u00dfe', 'ada\u200b', '\u2460', '\u0430da'])(
    'the username %s does not have the spelling of the username that it looks like [C2, C3]',
    (typed) => {
      const plain = ['ada', 'fiona', 'AI', 'Ai', 'strasse', '1']
      expect(usernameSpellings(typed).filter((text) => plain.includes(text))).toEqual([])
    },
  )
})
