import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { guards } from '../../e2e/guards/guards.js'
import { editsOf, judge, patternOf, placesOf, staleness } from './judge.js'

describe('O2: the list of guards', () => {
  test('fits the code: what each entry takes away stands there exactly once', () => {
    expect(guards.flatMap(staleness)).toEqual([])
  })

  test('names each guard once, with what it shows and a unit test that is there', () => {
    expect(new Set(guards.map(({ guard, file }) => `${guard} ${file}`)).size).toBe(guards.length)
    for (const { guard, cites, test: file, named } of guards) {
      expect([guard, cites.trim()]).not.toContain('')
      expect([file, existsSync(file), /^e2e\//.test(file)]).toEqual([file, true, false])
      // Names with a quotation mark of either kind, or made from a table, are looked up when they are run.
      if (named !== undefined && !/['’]/.test(named)) expect(readFileSync(file, 'utf8')).toContain(named)
    }
  })

  test('an entry that no longer fits, or that changes nothing, is stale', () => {
    const [entry] = guards
    expect(staleness({ ...entry!, find: 'text that stands nowhere' })).toHaveLength(1)
    expect(staleness({ ...entry!, find: 'return', replace: '' })).toHaveLength(1)
    expect(staleness({ ...entry!, replace: entry!.find })).toHaveLength(1)
    expect(staleness({ ...entry!, also: [{ find: 'text that stands nowhere', replace: '' }] })).toHaveLength(
      1,
    )
  })

  test('an entry that names a room finds the file of it', () => {
    const inRoom = guards.filter(({ file }) => !/\.\w+$/.test(file))
    expect(inRoom.length).toBeGreaterThan(0)
    for (const guard of inRoom)
      for (const edit of editsOf(guard)) expect(placesOf(edit)).toEqual([expect.stringMatching(/\.tsx?$/)])
  })
})

describe('O2: a guard', () => {
  test('is missed where a test ran and failed; nothing else counts', () => {
    expect(judge({ passed: ['a'], failed: ['b', 'c'], unloaded: '' })).toEqual({ killed: true, by: 'b' })
    expect(judge({ passed: ['a'], failed: [], unloaded: '' })).toMatchObject({ why: 'SURVIVED 1 tests' })
    for (const unloaded of ['', 'SyntaxError: …\n at line 1'])
      expect(judge({ passed: [], failed: [], unloaded })).toMatchObject({
        killed: false,
        why: expect.stringMatching(/^NO TEST RAN/),
      })
    expect(judge({ passed: ['a'], failed: [], unloaded: 'an error that nobody caught' }).killed).toBe(false)
  })

  test('runs the tests that are named, letter by letter', () => {
    expect(patternOf([{ named: 'R6 (CVE-1)' }, { named: 'T5: a.b' }])).toBe('R6 \\(CVE-1\\)|T5: a\\.b')
    const whole = new RegExp(patternOf([{ named: 'R6' }, {}]))
    expect([whole.test('a test like others'), whole.test('judgement C14: it takes no time')]).toEqual([
      true,
      false,
    ])
  })
})
