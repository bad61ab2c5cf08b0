import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('../docs/decisions/', import.meta.url))
const read = (name: string) => readFileSync(folder + name, 'utf8')
const record = (number: string) => read(records.find((name) => name.startsWith(number))!)
const records = readdirSync(folder).filter((name) => /^\d{4}-/.test(name))

test('decision records are numbered without gaps, and the README lists all of them', () => {
  const numbers = records.map((name) => name.slice(0, 4)).sort()
  expect(numbers).toEqual(numbers.map((_, at) => String(at + 1).padStart(4, '0')))
  for (const name of records) expect(read('README.md')).toContain(`(${name})`)
})

test('record 0014 states the assurance of a mailed link, each rule that it does not meet and the compensation [S6]', () => {
  const statement = record('0014')
  expect(statement).toMatch(/with the mail link alone, an account\s+is at AAL1/i)
  const deviations = statement.split('\n').filter((line) => line.startsWith('| ') && !/---|rule/.test(line))
  for (const rule of ['ASVS 6.3.6', 'ASVS 14.2.1', 'ASVS 6.5.5', 'NIST NFC']) {
    const row = deviations.find((line) => line.includes(rule))
    expect(
      row?.split('|').map((cell) => cell.trim()),
      rule,
    ).toEqual([
      '',
      expect.stringContaining(rule),
      expect.stringMatching(/\w+ \w+/),
      expect.stringMatching(/\w+ \w+/),
      '',
    ])
  }
  for (const [, file] of statement.matchAll(/\]\((\d{4}-[\w-]+\.md)\)/g)) expect(records).toContain(file)
  const threats = readFileSync(`${folder}../threat-model.md`, 'utf8')
  expect(threats).toContain('AAL1 ([0014](decisions/0014-stated-assurance.md))')
})

test('record 0007 says that passwords are not normalised, and what that means for accents [P5]', () => {
  const decision = record('0007')
  expect(decision).toMatch(/accepted\. Requirement P5 \(NFC before hashing\) is not applied/)
  expect(decision).toMatch(/ASVS 6\.2\.8/)
  expect(decision).toMatch(/may fail on a device/)
})
